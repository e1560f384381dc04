/*
 * What a second process pays to look at an image: through the library, against what the
 * kernel alone would cost.
 */
#include <err.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client/include/shmimg.h"
#include "tests/bench/bench.h"
#include "tests/bench/picture.h"

#define NAME "uhd"

enum { ROUNDS = 60, BLOCKS = 200, BLOCK = 10000 };

static volatile uint64_t sum;

/* Reads every byte once. */
static void touch(const void *data, size_t size)
{
	const uint64_t *words = data;
	uint64_t total = 0;
	for (size_t i = 0; i < size / sizeof(*words); i++)
		total += words[i];
	sum = total;
}

static double microseconds(uint64_t began)
{
	return (double)(clock_now() - began) / 1e3;
}

static shmimg_client *connect_to(const struct setting *setting)
{
	shmimg_client *client;
	int r = shmimg_connect(&client, setting->socket, -1);
	if (r < 0)
		errx(1, "%s: %s", setting->socket, strerror(-r));
	return client;
}

static shmimg_image *check(const shmimg_client *client, int r, shmimg_image *image)
{
	if (r < 0)
		errx(1, "%s: %s", strerror(-r), shmimg_message(client));
	return image;
}

static shmimg_image *fetch(shmimg_client *client)
{
	shmimg_image *image;
	int r = shmimg_fetch(client, NAME, NULL, &image);
	return check(client, r, image);
}

static shmimg_image *load(shmimg_client *client, const struct setting *setting)
{
	shmimg_image *image;
	int file = picture_open(setting, "uhd.jpg");
	int r = shmimg_load_fd(client, file, NAME, NULL, &image);
	close(file);
	return check(client, r, image);
}

static size_t pixel_bytes(const shmimg_image *image)
{
	return shmimg_stride(image) * shmimg_height(image);
}

static void end(shmimg_client *client)
{
	shmimg_drop(client, NAME, NULL);
	shmimg_close(client);
}

/* Any call but the one that ends it kills this process. */
static void forbid_calls(void)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit_group, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
	};
	struct sock_fprog program = {sizeof(filter) / sizeof(filter[0]), filter};
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
		prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
		err(1, "seccomp");
}

/* Whether fetching again makes a system call: 0 or 1. */
static long makes_calls(shmimg_client *client)
{
	int status;
	pid_t pid = fork();
	if (pid == 0) {
		forbid_calls();
		for (int i = 0; i < 1000; i++)
			shmimg_unref(fetch(client));
		_exit(0);
	}
	return waitpid(pid, &status, 0) < 0 || status != 0;
}

/* Nanoseconds of a fetch of what is kept, against a call that does nothing. */
void row_kept(const struct setting *setting, struct result *result)
{
	shmimg_client *client = connect_to(setting);
	shmimg_unref(load(client, setting));
	for (int i = 0; i < BLOCKS; i++) {
		uint64_t began = clock_now();
		for (int j = 0; j < BLOCK; j++)
			shmimg_unref(fetch(client));
		sample_add(&result->ours, microseconds(began) * 1e3 / BLOCK);
		began = clock_now();
		for (int j = 0; j < BLOCK; j++)
			syscall(SYS_getppid);
		sample_add(&result->base, microseconds(began) * 1e3 / BLOCK);
	}
	result->extra = makes_calls(client);
	result->ratio = sample_quantile(&result->ours, 0.5);
	end(client);
}

static double map_and_touch(const char *name, size_t size, size_t offset, size_t bytes)
{
	uint64_t began = clock_now();
	int fd = shm_open(name, O_RDONLY | O_CLOEXEC, 0);
	char *map = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
	if (fd < 0 || map == MAP_FAILED)
		err(1, "%s", name);
	close(fd);
	touch(map + offset, bytes);
	munmap(map, size);
	return microseconds(began);
}

/* Microseconds of a fetch that maps, a look at all pixels, and letting go. */
void row_first_touch(const struct setting *setting, struct result *result)
{
	shmimg_client *client = connect_to(setting);
	shmimg_set_kept(client, 0);
	shmimg_image *image = load(client, setting);
	size_t bytes = pixel_bytes(image);
	size_t offset = shmimg_segment_size(image) - bytes;
	for (int i = 0; i < ROUNDS; i++) {
		uint64_t began = clock_now();
		shmimg_image *mapped = fetch(client);
		touch(shmimg_pixels(mapped), bytes);
		shmimg_unref(mapped);
		sample_add(&result->ours, microseconds(began));
		sample_add(&result->base,
			map_and_touch(shmimg_segment(image), shmimg_segment_size(image),
				offset / 4096 * 4096, bytes));
	}
	shmimg_unref(image);
	end(client);
}

/* Microseconds of a fetch of what is kept and a look at all pixels. */
void row_kept_touch(const struct setting *setting, struct result *result)
{
	shmimg_client *client = connect_to(setting);
	shmimg_image *image = load(client, setting);
	size_t bytes = pixel_bytes(image);
	shmimg_unref(image);
	char *own = malloc(bytes);
	if (!own)
		err(1, "memory");
	memset(own, 1, bytes);
	for (int i = 0; i < ROUNDS; i++) {
		uint64_t began = clock_now();
		image = fetch(client);
		touch(shmimg_pixels(image), bytes);
		shmimg_unref(image);
		if (i > 0) /* the first one takes the faults */
			sample_add(&result->ours, microseconds(began));
		began = clock_now();
		touch(own, bytes);
		if (i > 0)
			sample_add(&result->base, microseconds(began));
	}
	free(own);
	end(client);
}
