/*
 * Looking first: to open a FIFO may wait, to open a device or a file with a lease has effects, and
 * a symbolic link leads anywhere. /dev/shm is sticky, so nobody else can replace a file of this
 * user once it was looked at; the file that was opened is compared nevertheless.
 *
 * One walk through the folder takes one lstat(2) for each name with the prefix: readdir(3) allows a
 * file to be removed meanwhile.
 */
#include "daemon/segment/shm-folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "daemon/base/cleanup.h"
#include "daemon/log/log.h"

/* Whether an error of open(2) is about this process or the machine, not the file. */
static bool shm_folder_is_transient(int error)
{
	return error == EMFILE || error == ENFILE || error == ENOMEM || error == EINTR;
}

int shm_folder_open(const char *file, int flags, struct stat *status)
{
	char path[NAME_MAX + sizeof(SHM_FOLDER) + 2];
	struct stat named;
	snprintf(path, sizeof(path), SHM_FOLDER "%s", file);
	if (lstat(path, &named) < 0)
		return -errno;
	if (named.st_uid != geteuid())
		return -EPERM;
	if (!S_ISREG(named.st_mode))
		return -EBADMSG;
	OWN_FD int fd = open(path, flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return errno == ENOENT || shm_folder_is_transient(errno) ? -errno : -EBADMSG;
	if (fstat(fd, status) < 0)
		return -errno;
	if (status->st_dev != named.st_dev || status->st_ino != named.st_ino)
		return -EBADMSG;
	return take_fd(&fd);
}

static int shm_folder_walk(DIR *folder, const char *prefix, shm_folder_handler *handler,
	void *context, unsigned *foreign)
{
	char file[NAME_MAX + 2];
	struct stat status;
	size_t length = strlen(prefix);
	for (;;) {
		errno = 0;
		const struct dirent *entry = readdir(folder);
		if (!entry)
			return -errno;
		if (strncmp(entry->d_name, prefix, length) != 0 ||
			fstatat(dirfd(folder), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		if (status.st_uid != geteuid()) {
			++*foreign;
			continue;
		}
		snprintf(file, sizeof(file), "/%s", entry->d_name);
		int r = handler(context, file, &status);
		if (r < 0)
			return r;
	}
}

int shm_folder_for_each(const char *instance, shm_folder_handler *handler, void *context)
{
	char prefix[32];
	unsigned foreign = 0;
	snprintf(prefix, sizeof(prefix), "shmimg-%s-", instance);
	DIR *folder = opendir(SHM_FOLDER);
	if (!folder)
		return -errno;
	int r = shm_folder_walk(folder, prefix, handler, context, &foreign);
	closedir(folder);
	if (foreign > 0)
		log_warning("%u files of other users in " SHM_FOLDER " have names that begin with "
			    "%s; they are left alone",
			foreign, prefix);
	return r;
}
