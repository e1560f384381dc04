/*
 * flock(2) of the file SOCKET.lock decides which daemon serves a socket; the kernel unlocks it when
 * the process dies. The file holds the identity. Its id is part of every segment's name: so a new
 * daemon finds, adopts or removes what a killed one has left, and touches nothing of others. Its
 * key seals every header: so the new daemon adopts only what the killed one wrote.
 */
#include "daemon/instance.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/base/cleanup.h"
#include "daemon/base/random.h"
#include "daemon/segment/follow-record.h"
#include "daemon/segment/remains.h"

enum {
	BACKLOG = 511,
	LOCK_TRIES = 1000,
	LOCK_SIZE = INSTANCE_ID_SIZE + 2 * SIPHASH_KEY_SIZE + 1, /* id and key, a line each */
};

static int instance_make_folder(const char *socket)
{
	char path[128];
	snprintf(path, sizeof(path), "%s", socket);
	mode_t mode = geteuid() == 0 ? 0755 : 0700;
	return mkdir(dirname(path), mode) < 0 && errno != EEXIST ? -errno : 0;
}

/* Whether a file can be a lock file of this user: a regular file with one name. */
static bool instance_is_own(const struct stat *status)
{
	return S_ISREG(status->st_mode) && status->st_uid == geteuid() && status->st_nlink == 1;
}

static bool instance_is_same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/*
 * Opens the lock file. In a folder such as /tmp anybody may have made something of this name, so it
 * is looked at first: opening a device or the file of another user may wait, or have effects.
 * Returns a descriptor; -EAGAIN if the file came or went meanwhile; or another negative errno.
 */
static int instance_open_lock(const char *path, struct stat *opened)
{
	struct stat named;
	bool is_there = lstat(path, &named) == 0;
	if (!is_there && errno != ENOENT)
		return -errno;
	if (is_there && !instance_is_own(&named))
		return -EPERM;
	int flags = is_there ? 0 : O_CREAT | O_EXCL;
	OWN_FD int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | flags, 0600);
	if (fd < 0)
		return errno == ENOENT || errno == EEXIST ? -EAGAIN : -errno;
	if (fstat(fd, opened) < 0)
		return -errno;
	if (is_there && !instance_is_same(&named, opened))
		return -EAGAIN;
	return take_fd(&fd);
}

/* Whether the locked file still has this name: 1, 0 or a negative errno. */
static int instance_is_current(const struct stat *locked, const char *path)
{
	struct stat named;
	if (lstat(path, &named) < 0)
		return errno == ENOENT ? 0 : -errno;
	return instance_is_same(locked, &named);
}

/* An ending daemon removes its lock file; a lock on a removed file is worth nothing. */
static int instance_lock_file(const char *path, struct stat *status)
{
	for (int i = 0; i < LOCK_TRIES; i++) {
		OWN_FD int fd = instance_open_lock(path, status);
		if (fd < 0 && fd != -EAGAIN)
			return fd;
		if (fd < 0)
			continue;
		if (flock(fd, LOCK_EX | LOCK_NB) < 0)
			return errno == EWOULDBLOCK ? -EBUSY : -errno;
		int r = instance_is_current(status, path);
		if (r != 0)
			return r < 0 ? r : take_fd(&fd);
	}
	return -EPERM; /* whoever replaces it all the time is no daemon */
}

static int instance_make_key(struct instance *instance)
{
	return random_fill(instance->identity.key, sizeof(instance->identity.key));
}

/* Writes the identity into the lock file, which nobody else may read. */
static int instance_write_identity(const struct instance *instance)
{
	char text[LOCK_SIZE + 1];
	size_t length = (size_t)snprintf(text, sizeof(text), "%s\n", instance->identity.id);
	for (size_t i = 0; i < SIPHASH_KEY_SIZE; i++)
		length += (size_t)snprintf(
			text + length, sizeof(text) - length, "%02x", instance->identity.key[i]);
	text[length++] = '\n';
	int r = 0;
	ssize_t written = -1;
	if (fchmod(instance->lock, 0600) < 0 || ftruncate(instance->lock, 0) < 0 ||
		(written = pwrite(instance->lock, text, length, 0)) < 0)
		r = -errno;
	else if (written != (ssize_t)length)
		r = -ENOSPC;
	explicit_bzero(text, sizeof(text));
	return r;
}

int instance_renew(struct instance *instance)
{
	int r = random_hex(instance->identity.id, (INSTANCE_ID_SIZE - 1) / 2);
	if (r == 0)
		r = instance_make_key(instance);
	if (r < 0)
		return r;
	instance->inherited = false;
	return instance_write_identity(instance);
}

/* The value of a hexadecimal digit, or -1. */
static int instance_digit_value(char digit)
{
	static const char digits[] = "0123456789abcdef";
	const char *found = digit ? strchr(digits, digit) : NULL;
	return found ? (int)(found - digits) : -1;
}

/* Reads the key after the id. Returns false if the file is not exactly as a daemon writes it. */
static bool instance_parse_key(const char *text, size_t length, unsigned char *key)
{
	if (length != LOCK_SIZE || text[INSTANCE_ID_SIZE - 1] != '\n' ||
		text[LOCK_SIZE - 1] != '\n')
		return false;
	text += INSTANCE_ID_SIZE;
	for (size_t i = 0; i < SIPHASH_KEY_SIZE; i++) {
		int high = instance_digit_value(text[2 * i]);
		int low = instance_digit_value(text[2 * i + 1]);
		if (high < 0 || low < 0)
			return false;
		key[i] = (unsigned char)(high << 4 | low);
	}
	return true;
}

/*
 * Reads the identity of the earlier daemon. A lock file without a key, or one that others could
 * have read or written, has an id by which to find what is left, but proves nothing about it: with
 * a new key, none of it is believed.
 */
static int instance_read_identity(struct instance *instance, const struct stat *status)
{
	char text[LOCK_SIZE + 1];
	ssize_t length = pread(instance->lock, text, sizeof(text), 0);
	if (length < 0)
		return -errno;
	char *id = instance->identity.id;
	memcpy(id, text, (size_t)length < INSTANCE_ID_SIZE ? (size_t)length : INSTANCE_ID_SIZE - 1);
	instance->inherited = strspn(id, "0123456789abcdef") == INSTANCE_ID_SIZE - 1;
	bool trusted = (status->st_mode & 077) == 0 &&
		       instance_parse_key(text, (size_t)length, instance->identity.key);
	explicit_bzero(text, sizeof(text));
	if (trusted || !instance->inherited)
		return 0;
	int r = instance_make_key(instance);
	return r < 0 ? r : instance_write_identity(instance);
}

int instance_claim(struct instance *instance, const char *socket)
{
	struct stat status;
	*instance = (struct instance){.lock = -1};
	snprintf(instance->path, sizeof(instance->path), "%s.lock", socket);
	snprintf(instance->identity.follows, sizeof(instance->identity.follows), "%s.follows",
		socket);
	int r = instance_make_folder(socket);
	if (r < 0)
		return r;
	instance->lock = instance_lock_file(instance->path, &status);
	if (instance->lock < 0)
		return instance->lock;
	r = instance_read_identity(instance, &status);
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

bool instance_folder_is_safe(const struct instance *instance)
{
	char path[sizeof(instance->path)];
	struct stat status;
	strcpy(path, instance->path);
	if (stat(dirname(path), &status) < 0)
		return false;
	bool others_write = (status.st_mode & 022) != 0 && !(status.st_mode & S_ISVTX);
	return !others_write && (status.st_uid == geteuid() || status.st_uid == 0);
}

static bool instance_keep_no_record(
	void *context, const struct follow_record *record, const char *file)
{
	(void)context;
	(void)record;
	(void)file;
	return false;
}

int instance_clean(const struct instance *instance)
{
	int r = remains_remove(instance->identity.id);
	if (r == 0)
		r = follow_records_read(&instance->identity, instance_keep_no_record, NULL);
	return r == -EPERM ? 0 : r;
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
