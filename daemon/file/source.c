/*
 * For users other than the daemon's own, a path is opened part by part with O_PATH, each from the
 * folder before it, so nothing can be replaced between a check and its use. No file system that a
 * program or another machine serves is asked anything: it may never answer. The file is opened for
 * reading when it is known to be a regular file, through /proc/self/fd.
 *
 * A descriptor that a client sent may belong to a FUSE file system that was mounted without
 * allow_other. The kernel lets the daemon read the file then, but refuses statx(2) with EACCES to
 * every other user than the one who mounted it, root included. Without type, size and times the
 * daemon cannot tell whether it has this file already, or whether the file has changed, so it
 * refuses the file.
 *
 * A path has a limited number of parts, so that a request takes a limited time. For the daemon's
 * own user too: a followed path is known by its text, and has one text only without "." and "..".
 */
#include "daemon/file/source.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "daemon/base/cleanup.h"
#include "daemon/base/fd-budget.h"
#include "daemon/file/mount.h"

static enum fault source_fault_of(int error, const char **message)
{
	switch (error) {
	case ENOENT:
	case ENOTDIR:
		*message = "there is no such file; check the path";
		return FAULT_NOT_FOUND;
	case EACCES:
	case EPERM:
		*message = "the file or a folder of its path is not readable for everyone; "
			   "change the permissions, or open the file and send its descriptor";
		return FAULT_NO_PERMISSION;
	case EREMOTE:
		*message = "the file is on a file system that a program or another machine serves; "
			   "open the file and send its descriptor";
		return FAULT_NO_PERMISSION;
	case ELOOP:
		*message = "the path has a symbolic link; use the path without links, "
			   "or open the file and send its descriptor";
		return FAULT_NO_PERMISSION;
	case ENAMETOOLONG:
		*message = "the path is too long; use a shorter path";
		return FAULT_INVALID_ARGUMENT;
	case EWOULDBLOCK:
		*message = "another program has a lease on the file; try again later";
		return FAULT_BUSY;
	case EMFILE:
	case ENFILE:
	case ENOMEM:
		*message = "the daemon has no descriptor or memory left; try again later";
		return FAULT_BUSY;
	default:
		*message = "the daemon cannot open the file; open it and send its descriptor";
		return FAULT_INTERNAL;
	}
}

/* AT_STATX_DONT_SYNC: the kernel does not ask a file server, which could block the daemon. */
static int source_stat(int fd, struct statx *status)
{
	int flags = AT_EMPTY_PATH | AT_STATX_DONT_SYNC;
	return statx(fd, "", flags, STATX_BASIC_STATS, status) < 0 ? -errno : 0;
}

/*
 * Checks that owner, group and others have a permission, and that there is no list (acl(5)) that
 * could take it from somebody. Returns 0, -EACCES, or another negative errno.
 */
static int source_check_public(int fd, const struct statx *status, mode_t permission)
{
	char link[32];
	mode_t all = permission << 6 | permission << 3 | permission;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	if ((status->stx_mode & all) != all ||
		getxattr(link, "system.posix_acl_access", NULL, 0) >= 0)
		return -EACCES;
	return errno == ENODATA || errno == EOPNOTSUPP ? 0 : -errno;
}

/* Returns a descriptor of O_PATH, or a negative errno. */
static int source_walk_public(const char *path, struct close_queue *close_queue)
{
	char part[NAME_MAX + 1];
	struct mount_walk walk = {0};
	OWN_FILE struct open_file at = {close_queue, open("/", O_PATH | O_DIRECTORY | O_CLOEXEC)};
	while (at.fd >= 0) {
		struct statx status;
		int r = mount_walk_check(&walk, at.fd);
		if (r == 0)
			r = source_stat(at.fd, &status);
		if (r < 0)
			return r;
		path += strspn(path, "/");
		size_t length = strcspn(path, "/");
		if (length == 0)
			return take_fd(&at.fd);
		if (length > NAME_MAX)
			return -ENAMETOOLONG;
		if (S_ISLNK(status.stx_mode))
			return -ELOOP;
		if (!S_ISDIR(status.stx_mode))
			return -ENOTDIR;
		r = source_check_public(at.fd, &status, S_IXOTH);
		if (r < 0)
			return r;
		memcpy(part, path, length);
		part[length] = '\0';
		path += length;
		int next = openat(at.fd, part, O_PATH | O_NOFOLLOW | O_CLOEXEC);
		int error = errno;
		close(at.fd);
		at.fd = next;
		errno = error;
	}
	return -errno;
}

/* Checks a descriptor of O_PATH, and opens its file for reading. */
static int source_reopen(int path_fd, bool public)
{
	struct statx status;
	char link[32];
	int r = source_stat(path_fd, &status);
	if (r < 0)
		return r;
	if (S_ISLNK(status.stx_mode))
		return -ELOOP;
	if (!S_ISREG(status.stx_mode))
		return -EINVAL;
	r = public ? source_check_public(path_fd, &status, S_IROTH) : 0;
	if (r < 0)
		return r;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", path_fd);
	/* O_NONBLOCK: do not wait until another program gives up a lease, fcntl(2). */
	int fd = open(link, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	fd_budget_take(1);
	return fd;
}

/* Checks a path before the file system is asked. Returns what is wrong with it, or NULL. */
static const char *source_check_path(const char *path)
{
	unsigned parts = 0;
	if (path[0] != '/')
		return "the path is not absolute; begin it with /";
	if (strlen(path) >= PATH_MAX)
		return "the path has more than 4095 bytes; open the file and send its descriptor";
	while (*path) {
		path++;
		size_t length = strcspn(path, "/");
		if (length == 0 || strncmp(path, ".", length) == 0 ||
			strncmp(path, "..", length) == 0)
			return "the path has an empty part, . or ..; use the path that realpath(3) "
			       "returns";
		if (++parts > SOURCE_PARTS_MAX)
			return "the path has more than 128 parts; open the file and send its "
			       "descriptor";
		path += length;
	}
	return NULL;
}

int source_open(const char *path, const struct credentials *who, struct close_queue *close_queue,
	enum fault *fault, const char **message)
{
	bool public = who->uid != geteuid();
	*message = source_check_path(path);
	if (*message) {
		*fault = FAULT_INVALID_ARGUMENT;
		return -1;
	}
	OWN_FILE struct open_file found = {close_queue, -1};
	found.fd = public ? source_walk_public(path, close_queue) : open(path, O_PATH | O_CLOEXEC);
	int fd = found.fd >= 0 ? source_reopen(found.fd, public) : public ? found.fd : -errno;
	if (fd >= 0)
		return fd;
	*fault = source_fault_of(-fd, message);
	if (fd == -EINVAL) {
		*message = "this is not a regular file; use the path of an image file";
		*fault = FAULT_INVALID_ARGUMENT;
	}
	return -1;
}

enum fault source_check(int fd, const char **message)
{
	struct statx status;
	int flags = fcntl(fd, F_GETFL);
	int r = source_stat(fd, &status);
	if (r == -EACCES) {
		*message = "the kernel shows this file only to the user who mounted its file "
			   "system; copy the file elsewhere, or mount with the option allow_other";
		return FAULT_NO_PERMISSION;
	}
	if (r < 0 && r != -EBADF) {
		*message = "the status of the file cannot be read; use another file";
		return FAULT_INTERNAL;
	}
	if (flags < 0 || r < 0 || !S_ISREG(status.stx_mode)) {
		*message = "this is not a regular file; open an image file";
		return FAULT_INVALID_ARGUMENT;
	}
	if (flags & O_PATH || (flags & O_ACCMODE) == O_WRONLY) {
		*message = "the file is not open for reading; open it for reading";
		return FAULT_INVALID_ARGUMENT;
	}
	return FAULT_NONE;
}

int source_identify(int fd, struct header_source *source)
{
	struct statx status;
	int r = source_stat(fd, &status);
	if (r < 0)
		return r;
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
