/*
 * One daemon to a socket.
 * See instance.h for what it does and never does.
 */
#include "daemon/instance.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "client/protocol/board.h"
#include "daemon/cleanup.h"
#include "daemon/log.h"
#include "daemon/random.h"
#include "daemon/semaphore.h"

enum { BACKLOG = 511 };

static int make_folder(const char *socket)
{
	char path[128];
	snprintf(path, sizeof(path), "%s", socket);
	mode_t mode = geteuid() == 0 ? 0755 : 0700;
	return mkdir(dirname(path), mode) < 0 && errno != EEXIST ? -errno : 0;
}

/* Whether the file that was locked is still the one of that name. */
static bool is_current(int fd, const char *path)
{
	struct stat locked, named;
	return fstat(fd, &locked) == 0 && stat(path, &named) == 0 &&
	       locked.st_dev == named.st_dev && locked.st_ino == named.st_ino;
}

/* A daemon that ends removes its lock file: then the lock that was won is of no file. */
static int lock_file(const char *path)
{
	for (;;) {
		OWN_FD int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
		if (fd < 0)
			return -errno;
		if (flock(fd, LOCK_EX | LOCK_NB) < 0)
			return errno == EWOULDBLOCK ? -EBUSY : -errno;
		if (is_current(fd, path))
			return take_fd(&fd);
	}
}

static bool is_id(const char *text, ssize_t length)
{
	return length == INSTANCE_ID_SIZE - 1 &&
	       strspn(text, "0123456789abcdef") == INSTANCE_ID_SIZE - 1;
}

int instance_renew(struct instance *instance)
{
	int r = random_hex(instance->id, (INSTANCE_ID_SIZE - 1) / 2);
	if (r < 0)
		return r;
	if (ftruncate(instance->lock, 0) < 0 ||
		pwrite(instance->lock, instance->id, sizeof(instance->id) - 1, 0) < 0)
		return -errno;
	return 0;
}

static int read_or_make_id(struct instance *instance)
{
	ssize_t length = pread(instance->lock, instance->id, sizeof(instance->id) - 1, 0);
	return is_id(instance->id, length) ? 0 : instance_renew(instance);
}

int instance_claim(struct instance *instance, const char *socket)
{
	*instance = (struct instance){.lock = -1};
	snprintf(instance->path, sizeof(instance->path), "%s.lock", socket);
	int r = make_folder(socket);
	if (r < 0)
		return r;
	instance->lock = lock_file(instance->path);
	return instance->lock < 0 ? instance->lock : read_or_make_id(instance);
}

/* The keys stand in the board before the kernel has the sets, so none is missed. */
static void remove_semaphores(const struct board_header *header)
{
	for (int i = 0; i < BOARD_SETS; i++) {
		if (header->set_keys[i])
			semaphore_remove_key(header->set_keys[i]);
	}
}

/* Tells clients that still have the board mapped, and removes the sets that it lists. */
static void clean_board(const char *name)
{
	OWN_FD int fd = shm_open(name, O_RDWR | O_CLOEXEC, 0);
	struct board_header header;
	struct stat status;
	if (fd < 0 || fstat(fd, &status) < 0 || status.st_uid != geteuid() ||
		pread(fd, &header, sizeof(header), 0) != (ssize_t)sizeof(header) ||
		memcmp(header.magic, BOARD_MAGIC, sizeof(header.magic)) != 0)
		return;
	header.epoch = 0;
	if (pwrite(fd, &header.epoch, sizeof(header.epoch), offsetof(struct board_header, epoch)) <
		0)
		log_warning("cannot write to %s: %m", name);
	remove_semaphores(&header);
}

void instance_clean(const struct instance *instance)
{
	char prefix[32], board[64], name[NAME_MAX + 2];
	snprintf(prefix, sizeof(prefix), "shmimg-%s-", instance->id);
	snprintf(board, sizeof(board), "/%sboard", prefix);
	clean_board(board);
	DIR *folder = opendir("/dev/shm");
	if (!folder)
		return;
	const struct dirent *entry;
	while ((entry = readdir(folder))) {
		if (strncmp(entry->d_name, prefix, strlen(prefix)) != 0)
			continue;
		snprintf(name, sizeof(name), "/%s", entry->d_name);
		shm_unlink(name);
	}
	closedir(folder);
}

int instance_listen(const char *path, mode_t mode)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct stat status;
	OWN_FD int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	/* The lock says that nobody listens there; what is not a socket is not ours. */
	if (lstat(path, &status) == 0 && S_ISSOCK(status.st_mode))
		unlink(path);
	strncpy(address.sun_path, path, sizeof(address.sun_path) - 1);
	mode_t mask = umask(0777);
	int r = bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ? -errno : 0;
	umask(mask);
	if (r == 0 && (chmod(path, mode) < 0 || listen(fd, BACKLOG) < 0)) {
		r = -errno;
		unlink(path);
	}
	return r < 0 ? r : take_fd(&fd);
}

void instance_release(struct instance *instance)
{
	if (instance->lock < 0)
		return;
	unlink(instance->path);
	close(take_fd(&instance->lock));
}
