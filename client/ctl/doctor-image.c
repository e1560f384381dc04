/*
 * The checks of the board, and of a test picture: segment, pixels and semaphore.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "client/ctl/doctor.h"
#include "client/protocol/board.h"

/* The option with which a container shares the machine's shared memory. */
#define SHARING "podman run --ipc=host ..."

/* A PNG of one pixel: R 1, G 2, B 3. */
static const unsigned char picture[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n', 0, 0, 0, 13,
	'I', 'H', 'D', 'R', 0, 0, 0, 1, 0, 0, 0, 1, 8, 2, 0, 0, 0, 0x90, 0x77, 0x53, 0xde, 0, 0, 0,
	12, 'I', 'D', 'A', 'T', 0x78, 0x9c, 0x63, 0x60, 0x64, 0x62, 0x06, 0, 0, 0x0e, 0, 0x07, 0xd7,
	0x6f, 0xe4, 0x78, 0, 0, 0, 0, 'I', 'E', 'N', 'D', 0xae, 0x42, 0x60, 0x82};
static const unsigned char pixel[] = {1, 2, 3, 255};

void doctor_examine_board(struct doctor *doctor)
{
	struct board_header header;
	int fd = shm_open(doctor->board, O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0);
	if (fd < 0) {
		diagnosis_add(&doctor->diagnosis, VERDICT_BAD, "board", SHARING,
			"%s cannot be opened: %s; the daemon has another /dev/shm (a container?), "
			"or its board was removed",
			doctor->board, strerror(errno));
		return;
	}
	bool whole = pread(fd, &header, sizeof(header), 0) == (ssize_t)sizeof(header) &&
		     memcmp(header.magic, BOARD_MAGIC, sizeof(header.magic)) == 0;
	close(fd);
	if (whole)
		diagnosis_add(&doctor->diagnosis, VERDICT_GOOD, "board", NULL,
			"%s is there, so that fetches need no system call", doctor->board);
	else
		diagnosis_add(&doctor->diagnosis, VERDICT_BAD, "board", "systemctl restart shmimgd",
			"%s is not a board", doctor->board);
}

static void doctor_image_examine_segment(struct doctor *doctor, const shmimg_image *image)
{
	const char *name = shmimg_segment(image);
	int fd = shm_open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0);
	if (fd < 0)
		diagnosis_add(&doctor->diagnosis, VERDICT_BAD, "segment", SHARING,
			"%s cannot be opened: %s; clients have to ask the daemon for descriptors, "
			"which is slower",
			name, strerror(errno));
	else
		diagnosis_add(&doctor->diagnosis, VERDICT_GOOD, "segment", NULL,
			"segments can be opened by name");
	if (fd >= 0)
		close(fd);
	if (memcmp(shmimg_pixels(image), pixel, sizeof(pixel)) != 0)
		diagnosis_add(&doctor->diagnosis, VERDICT_BAD, "decoder", doctor_journal(doctor),
			"a test picture was decoded, but its pixels are wrong");
	else
		diagnosis_add(&doctor->diagnosis, VERDICT_GOOD, "decoder", NULL,
			"a test picture was decoded correctly");
}

static void doctor_image_examine_semaphore(struct doctor *doctor, const shmimg_image *image)
{
	int r = shmimg_lock(image, 0);
	if (r == 0)
		r = shmimg_unlock(image);
	if (r == 0)
		diagnosis_add(&doctor->diagnosis, VERDICT_GOOD, "semaphore", NULL,
			"images can be locked");
	else
		diagnosis_add(&doctor->diagnosis, VERDICT_BAD, "semaphore", SHARING,
			"images cannot be locked: %s%s", strerror(-r),
			r == -EIDRM ? "; the daemon has another IPC namespace (a container, or "
				      "PrivateIPC=)"
				    : "");
}

/* Prints why the picture was not loaded. */
static void doctor_image_print_not_loaded(
	struct doctor *doctor, const shmimg_client *client, int error)
{
	const char *code = shmimg_code(client);
	const char *fix = doctor_journal(doctor);
	if (strcmp(code, "no-space") == 0)
		fix = "mount -o remount,size=50% /dev/shm";
	else if (strcmp(code, "over-quota") == 0)
		fix = "shmimgctl stats";
	diagnosis_add(&doctor->diagnosis, VERDICT_BAD, "decoder", fix,
		"a test picture was not decoded: %s%s%s", code, *code ? ": " : "",
		*shmimg_message(client) ? shmimg_message(client) : strerror(-error));
}

static int doctor_image_make_picture(void)
{
	int fd = memfd_create("picture", MFD_CLOEXEC);
	if (fd >= 0 && write(fd, picture, sizeof(picture)) == (ssize_t)sizeof(picture))
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

void doctor_examine_image(struct doctor *doctor, shmimg_client *client)
{
	struct shmimg_options options = SHMIMG_OPTIONS_INIT;
	shmimg_image *image;
	char name[64];
	options.format = SHMIMG_RGBA8;
	options.keep = SHMIMG_ATTACHED;
	snprintf(name, sizeof(name), "shmimgctl-doctor-%d", getpid());
	int fd = doctor_image_make_picture();
	if (fd < 0) {
		diagnosis_add(&doctor->diagnosis, VERDICT_BAD, "decoder", NULL,
			"cannot make a test picture: %s", strerror(errno));
		return;
	}
	int r = shmimg_load_fd(client, fd, name, &options, &image);
	close(fd);
	if (r < 0) {
		doctor_image_print_not_loaded(doctor, client, r);
		return;
	}
	doctor_image_examine_segment(doctor, image);
	doctor_image_examine_semaphore(doctor, image);
	shmimg_release(client, image);
	shmimg_unref(image);
}
