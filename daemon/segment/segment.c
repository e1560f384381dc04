/*
 * A segment is created without a name (O_TMPFILE), filled by a decoder, and linked when it is
 * complete. So no program can open an incomplete segment, and a crash leaves none behind.
 *
 * A published segment never changes. The daemon proves that the decoder can no longer write to it,
 * and then writes the header and links the name:
 *
 *   1. The decoder gets a descriptor that was opened for it alone, and never the daemon's own one,
 *      which is open for writing too.
 *   2. The file's mode allows nobody to write, except while the daemon opens the decoder's
 *      descriptor. There is no access control list yet. So no further descriptor can be opened for
 *      writing, and an O_PATH descriptor, which a lease does not notice, cannot become one.
 *   3. When the decoder has ended its job, the daemon takes a write lease (F_SETLEASE of fcntl(2))
 *      with its own descriptor. The kernel grants it only if no other open file of the segment is
 *      left anywhere: none in a process, none in a message under way, none that a mapping holds.
 *   4. The lease is released. It has shown that the daemon's descriptor is the only way left to the
 *      segment, and the daemon gives it to nobody. So whatever time passes until the segment is
 *      published, and while the header is written, nobody else can change it.
 */
#include "daemon/segment/segment.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "daemon/base/cleanup.h"
#include "daemon/base/fd-budget.h"
#include "daemon/base/random.h"
#include "daemon/segment/acl.h"
#include "daemon/segment/shm-folder.h"

int segment_create(uint64_t size)
{
	OWN_FD int fd = open(SHM_FOLDER, O_TMPFILE | O_RDWR | O_CLOEXEC, 0400);
	if (fd < 0 || ftruncate(fd, (off_t)size) < 0)
		return -errno;
	fd_budget_take(1);
	return take_fd(&fd);
}

int segment_open_writer(int fd)
{
	char link[32];
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	if (fchmod(fd, 0600) < 0)
		return -errno;
	OWN_FD int writer = open(link, O_RDWR | O_CLOEXEC);
	int error = errno;
	if (fchmod(fd, 0400) < 0)
		return -errno;
	if (writer < 0)
		return -error;
	fd_budget_take(1);
	return take_fd(&writer);
}

int segment_is_unshared(int fd)
{
	if (fcntl(fd, F_SETLEASE, F_WRLCK) < 0)
		return errno == EAGAIN ? 0 : errno == EINVAL ? -EOPNOTSUPP : -errno;
	return fcntl(fd, F_SETLEASE, F_UNLCK) < 0 ? -errno : 1;
}

static int segment_write_all(int fd, const void *data, size_t size, uint64_t offset)
{
	ssize_t count = pwrite(fd, data, size, (off_t)offset);
	if (count < 0)
		return -errno;
	return (size_t)count == size ? 0 : -ENOSPC;
}

/* The memory of a segment may end with a part of the kernel's unit, which is a huge page at most.
 */
static uint64_t segment_max_bytes(const struct stat *status, uint64_t size)
{
	uint64_t unit = (uint64_t)status->st_blksize;
	return (size + unit - 1) / unit * unit;
}

/*
 * A decoder can leave holes: a client that reads there gets SIGBUS. In a build without seccomp it
 * can also change the size, or reserve memory behind the end.
 */
static int segment_check_complete(int fd, const struct header *header)
{
	struct stat status;
	uint64_t size = header->segment_size;
	if (fstat(fd, &status) < 0)
		return -errno;
	uint64_t bytes = (uint64_t)status.st_blocks * 512;
	bool fits = (uint64_t)status.st_size == size && bytes >= size &&
		    bytes <= segment_max_bytes(&status, size);
	return fits ? 0 : -EBADMSG;
}

int segment_make_name(const char *instance, char name[SEGMENT_NAME_SIZE])
{
	char secret[33];
	int r = random_hex(secret, 16);
	if (r == 0)
		snprintf(name, SEGMENT_NAME_SIZE, "/shmimg-%s-%s", instance, secret);
	return r;
}

static int segment_link_name(int fd, const char *name)
{
	char from[32], to[SEGMENT_NAME_SIZE + sizeof(SHM_FOLDER)];
	snprintf(from, sizeof(from), "/proc/self/fd/%d", fd);
	snprintf(to, sizeof(to), SHM_FOLDER "%s", name);
	/* linkat(2) fails if the name exists, for example because another user created it. */
	return linkat(AT_FDCWD, from, AT_FDCWD, to, AT_SYMLINK_FOLLOW) < 0 ? -errno : 0;
}

int segment_publish(int fd, const struct header *header, const char *image_name,
	const struct segment_readers *readers, const char *name)
{
	int r = segment_check_complete(fd, header);
	if (r == 0)
		r = segment_write_all(fd, header, sizeof(*header), 0);
	if (r == 0 && header->name_offset >= HEADER_SIZE)
		r = segment_write_all(fd, image_name, header->name_length, header->name_offset);
	if (r == 0)
		r = segment_acl_grant(fd, readers->owner, readers->share, readers->group);
	if (r == 0)
		r = segment_link_name(fd, name);
	return r;
}

bool segment_has_name(int fd)
{
	struct stat status;
	return fstat(fd, &status) == 0 && status.st_nlink > 0;
}

int segment_open(const char *name)
{
	struct stat status;
	int fd = shm_folder_open(name, O_RDONLY, &status);
	if (fd < 0)
		return fd == -EPERM || fd == -EBADMSG ? -ENOENT : fd;
	fd_budget_take(1);
	return fd;
}

void segment_remove(
	const char *name, const char *image_name, uid_t owner, struct deferred_free *deferred_free)
{
	int fd = segment_open(name);
	shm_unlink(name);
	if (fd >= 0)
		deferred_free_free(deferred_free, fd, image_name, owner);
}

uint64_t segment_free_space(void)
{
	struct statvfs shm;
	if (statvfs(SHM_FOLDER, &shm) < 0)
		return 0;
	return (uint64_t)shm.f_bavail * shm.f_frsize;
}
