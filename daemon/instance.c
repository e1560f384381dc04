/*
 * flock(2) of the file SOCKET.lock decides which daemon serves a socket; the kernel unlocks it when
 * the process dies. The file holds the identity, which is part of every segment's name: so a new
 * daemon finds, adopts or removes what a killed one has left, and touches nothing of others.
 */
#include "daemon/instance.h"

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
#include "daemon/base/cleanup.h"
#include "daemon/base/random.h"
#include "daemon/segment/semaphore.h"
#include "daemon/segment/shm-folder.h"

enum { BACKLOG = 511 };

static int instance_make_folder(const char *socket)
{
	char path[128];
	snprintf(path, sizeof(path), "%s", socket);
	mode_t mode = geteuid() == 0 ? 0755 : 0700;
	return mkdir(dirname(path), mode) < 0 && errno != EEXIST ? -errno : 0;
}

/* Whether the locked file still has this name: 1, 0 or a negative errno. */
static int instance_is_current(int fd, const char *path)
{
	struct stat locked, named;
	if (fstat(fd, &locked) < 0)
		return -errno;
	if (stat(path, &named) < 0)
		return errno == ENOENT ? 0 : -errno;
	return locked.st_dev == named.st_dev && locked.st_ino == named.st_ino;
}

/* An ending daemon removes its lock file; a lock on a removed file is worth nothing. */
static int instance_lock_file(const char *path)
{
	for (;;) {
		OWN_FD int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
		if (fd < 0)
			return -errno;
		if (flock(fd, LOCK_EX | LOCK_NB) < 0)
			return errno == EWOULDBLOCK ? -EBUSY : -errno;
		int r = instance_is_current(fd, path);
		if (r != 0)
			return r < 0 ? r : take_fd(&fd);
	}
}

static bool instance_is_id(const char *text, ssize_t length)
{
	return length == INSTANCE_ID_SIZE - 1 &&
	       strspn(text, "0123456789abcdef") == INSTANCE_ID_SIZE - 1;
}

int instance_renew(struct instance *instance)
{
	int r = random_hex(instance->id, (INSTANCE_ID_SIZE - 1) / 2);
	if (r < 0)
		return r;
	instance->inherited = false;
	if (ftruncate(instance->lock, 0) < 0 ||
		pwrite(instance->lock, instance->id, sizeof(instance->id) - 1, 0) < 0)
		return -errno;
	return 0;
}

static int instance_read_id(struct instance *instance)
{
	ssize_t length = pread(instance->lock, instance->id, sizeof(instance->id) - 1, 0);
	if (length < 0)
		return -errno;
	instance->inherited = instance_is_id(instance->id, length);
	return 0;
}

int instance_claim(struct instance *instance, const char *socket)
{
	*instance = (struct instance){.lock = -1};
	snprintf(instance->path, sizeof(instance->path), "%s.lock", socket);
	int r = instance_make_folder(socket);
	if (r < 0)
		return r;
	instance->lock = instance_lock_file(instance->path);
	if (instance->lock < 0)
		return instance->lock;
	r = instance_read_id(instance);
	if (r < 0) {
		instance_leave(instance);
		return r;
	}
	if (!instance->inherited)
		r = instance_renew(instance);
	if (r < 0)
		instance_release(instance);
	return r;
}

/* Opens and reads a dead daemon's board. Returns -ENOENT when this user has none. */
static int instance_open_board(const char *name, struct board_header *header)
{
	struct stat status;
	OWN_FD int fd = shm_open(name, O_RDWR | O_CLOEXEC | O_NONBLOCK, 0);
	if (fd < 0)
		return errno == EACCES || errno == ELOOP || errno == ENXIO ? -ENOENT : -errno;
	if (fstat(fd, &status) < 0)
		return -errno;
	if (status.st_uid != geteuid() || !S_ISREG(status.st_mode))
		return -ENOENT;
	ssize_t count = pread(fd, header, sizeof(*header), 0);
	if (count < 0)
		return -errno;
	if (count != (ssize_t)sizeof(*header) ||
		memcmp(header->magic, BOARD_MAGIC, sizeof(header->magic)) != 0)
		return -ENOENT;
	return take_fd(&fd);
}

/* A key is in the board before the kernel has its set, so no set is missed. */
static int instance_remove_semaphores(const struct board_header *header)
{
	int r = 0;
	for (int i = 0; r == 0 && i < BOARD_SETS; i++) {
		if (header->set_keys[i])
			r = semaphore_remove_key(header->set_keys[i]);
	}
	return r;
}

/* Tells clients with the board mapped that the daemon ended; removes the board's sets. */
static int instance_clean_board(const char *name)
{
	struct board_header header;
	OWN_FD int fd = instance_open_board(name, &header);
	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	header.epoch = 0;
	if (pwrite(fd, &header.epoch, sizeof(header.epoch), offsetof(struct board_header, epoch)) <
		0)
		return -errno;
	return instance_remove_semaphores(&header);
}

static int instance_remove_file(void *context, const char *file, const char *suffix)
{
	(void)context;
	(void)suffix;
	shm_unlink(file);
	return 0;
}

int instance_clean(const struct instance *instance)
{
	char board[64];
	snprintf(board, sizeof(board), "/shmimg-%s-board", instance->id);
	int r = instance_clean_board(board);
	return r < 0 ? r : shm_folder_for_each(instance->id, instance_remove_file, NULL);
}

int instance_listen(const char *path, mode_t mode)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct stat status;
	OWN_FD int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	/* The lock proves that no daemon listens there; a file that is not a socket stays. */
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

void instance_leave(struct instance *instance)
{
	if (instance->lock >= 0)
		close(take_fd(&instance->lock));
}

void instance_release(struct instance *instance)
{
	if (instance->lock < 0)
		return;
	unlink(instance->path);
	instance_leave(instance);
}
