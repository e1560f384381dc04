/*
 * Files to decode, and their identity.
 * See source.h for what it does and never does.
 */
#include "daemon/source.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "daemon/cleanup.h"

static enum fault fault_of(int error, const char **message)
{
	switch (error) {
	case ENOENT:
	case ENOTDIR:
		*message = "there is no such file";
		return FAULT_NOT_FOUND;
	case EACCES:
	case EPERM:
		*message = "the file is not readable for everyone; send it open, with source=fd";
		return FAULT_NO_PERMISSION;
	case ELOOP:
		*message = "the path has a symbolic link; send the file open, with source=fd";
		return FAULT_NO_PERMISSION;
	case ENAMETOOLONG:
		*message = "the path is too long";
		return FAULT_INVALID_ARGUMENT;
	case EMFILE:
	case ENFILE:
	case ENOMEM:
		*message = "the daemon has no descriptor or memory left";
		return FAULT_BUSY;
	default:
		*message = "the file cannot be opened";
		return FAULT_NO_PERMISSION;
	}
}

/*
 * Walks a path for somebody who is not the daemon's user. Each part is opened from the one
 * before, so nothing can be exchanged between the check and the use.
 */
static int walk_public(const char *path)
{
	char part[NAME_MAX + 1];
	OWN_FD int at = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	while (at >= 0) {
		struct stat status;
		if (fstat(at, &status) < 0)
			return -errno;
		path += strspn(path, "/");
		size_t length = strcspn(path, "/");
		if (length == 0)
			return take_fd(&at);
		if (length > NAME_MAX)
			return -ENAMETOOLONG;
		if (S_ISLNK(status.st_mode))
			return -ELOOP;
		if (!S_ISDIR(status.st_mode))
			return -ENOTDIR;
		if (!(status.st_mode & S_IXOTH))
			return -EACCES;
		memcpy(part, path, length);
		part[length] = '\0';
		path += length;
		int next = openat(at, part, O_PATH | O_NOFOLLOW | O_CLOEXEC);
		int error = errno;
		close(at);
		at = next;
		errno = error;
	}
	return -errno;
}

/* Opens for reading what an O_PATH descriptor shows, once it is known to be harmless. */
static int reopen(int place, bool public)
{
	struct stat status;
	char link[32];
	if (fstat(place, &status) < 0)
		return -errno;
	if (S_ISLNK(status.st_mode))
		return -ELOOP;
	if (!S_ISREG(status.st_mode))
		return -EINVAL;
	if (public && !(status.st_mode & S_IROTH))
		return -EACCES;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", place);
	int fd = open(link, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	return fd < 0 ? -errno : fd;
}

int source_open(
	const char *path, const struct credentials *who, enum fault *fault, const char **message)
{
	bool public = who->uid != geteuid();
	if (path[0] != '/') {
		*message = "a path must be absolute";
		*fault = FAULT_INVALID_ARGUMENT;
		return -1;
	}
	OWN_FD int place = public ? walk_public(path) : open(path, O_PATH | O_CLOEXEC);
	int fd = place >= 0 ? reopen(place, public) : public ? place : -errno;
	if (fd >= 0)
		return fd;
	*fault = fault_of(-fd, message);
	if (fd == -EINVAL) {
		*message = "the path is not that of a regular file";
		*fault = FAULT_INVALID_ARGUMENT;
	}
	return -1;
}

enum fault source_check(int fd, const char **message)
{
	struct stat status;
	int flags = fcntl(fd, F_GETFL);
	if (flags < 0 || fstat(fd, &status) < 0 || !S_ISREG(status.st_mode)) {
		*message = "the descriptor is not that of a regular file";
		return FAULT_INVALID_ARGUMENT;
	}
	if (flags & O_PATH || (flags & O_ACCMODE) == O_WRONLY) {
		*message = "the descriptor is not open for reading";
		return FAULT_INVALID_ARGUMENT;
	}
	return FAULT_NONE;
}

int source_identify(int fd, struct header_source *source)
{
	struct statx status;
	/* What the kernel knows is enough: asking a server here would hold up the daemon. */
	if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_BASIC_STATS, &status) < 0)
		return -errno;
	*source = (struct header_source){
		.device = makedev(status.stx_dev_major, status.stx_dev_minor),
		.inode = status.stx_ino,
		.size = status.stx_size,
		.mtime_seconds = status.stx_mtime.tv_sec,
		.ctime_seconds = status.stx_ctime.tv_sec,
		.mtime_nanoseconds = status.stx_mtime.tv_nsec,
		.ctime_nanoseconds = status.stx_ctime.tv_nsec,
	};
	return 0;
}
