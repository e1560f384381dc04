/*
 * One walk through the folder: readdir(3) allows a file to be removed meanwhile.
 */
#include "daemon/segment/shm-folder.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

static int shm_folder_walk(
	DIR *folder, const char *prefix, shm_folder_handler *handler, void *context)
{
	char file[NAME_MAX + 2];
	size_t length = strlen(prefix);
	for (;;) {
		errno = 0;
		const struct dirent *entry = readdir(folder);
		if (!entry)
			return -errno;
		if (strncmp(entry->d_name, prefix, length) != 0)
			continue;
		snprintf(file, sizeof(file), "/%s", entry->d_name);
		int r = handler(context, file, file + 1 + length);
		if (r < 0)
			return r;
	}
}

int shm_folder_for_each(const char *instance, shm_folder_handler *handler, void *context)
{
	char prefix[32];
	snprintf(prefix, sizeof(prefix), "shmimg-%s-", instance);
	DIR *folder = opendir(SHM_FOLDER);
	if (!folder)
		return -errno;
	int r = shm_folder_walk(folder, prefix, handler, context);
	closedir(folder);
	return r;
}
