/*
 * The name of a file: its absolute path, with the links in its folders resolved. Opens and
 * changes nothing.
 */
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/lib/public.h"
#include "client/protocol/name.h"

/*
 * Appends a part to an absolute path without a slash at its end: "" is the root.
 * ".." removes the last part. Returns 0 or -ENAMETOOLONG.
 */
static int path_append_part(char path[PATH_MAX], const char *part, size_t length)
{
	size_t used = strlen(path);
	if (length == 0 || (length == 1 && part[0] == '.'))
		return 0;
	if (length == 2 && part[0] == '.' && part[1] == '.') {
		char *slash = strrchr(path, '/');
		if (slash)
			*slash = '\0';
		return 0;
	}
	if (length >= PATH_MAX - 1 - used)
		return -ENAMETOOLONG;
	path[used] = '/';
	memcpy(path + used + 1, part, length);
	path[used + 1 + length] = '\0';
	return 0;
}

/* Makes a path absolute without the file system, for folders that do not exist. */
static int path_make_absolute(const char *path, char absolute[PATH_MAX])
{
	absolute[0] = '\0';
	if (path[0] != '/') {
		if (!getcwd(absolute, PATH_MAX))
			return errno == ERANGE ? -ENAMETOOLONG : -errno;
		if (strcmp(absolute, "/") == 0)
			absolute[0] = '\0';
	}
	while (*path) {
		size_t length = strcspn(path, "/");
		int r = path_append_part(absolute, path, length);
		if (r < 0)
			return r;
		path += length;
		path += *path == '/';
	}
	return 0;
}

/* Resolves a folder and its links; if it does not exist, only makes it absolute. */
static int path_resolve(const char *folder, char absolute[PATH_MAX])
{
	if (!realpath(folder, absolute)) {
		if (errno == ENAMETOOLONG || errno == ENOMEM)
			return -errno;
		return path_make_absolute(folder, absolute);
	}
	if (strcmp(absolute, "/") == 0)
		absolute[0] = '\0';
	return 0;
}

/* Whether the last part of a path names a file, and is not "." or "..". */
static bool path_is_file_part(const char *part, size_t length)
{
	return length > 0 && !(length == 1 && part[0] == '.') &&
	       !(length == 2 && part[0] == '.' && part[1] == '.');
}

/* The absolute path of path[0..length), which does not end with a slash. */
static int path_resolve_all_but_last(const char *path, size_t length, char absolute[PATH_MAX])
{
	char folder[PATH_MAX];
	if (length >= sizeof(folder))
		return -ENAMETOOLONG;
	memcpy(folder, path, length);
	folder[length] = '\0';
	char *slash = strrchr(folder, '/');
	const char *part = slash ? slash + 1 : folder;
	size_t part_length = strlen(part);
	if (!path_is_file_part(part, part_length))
		return path_resolve(length ? folder : "/", absolute);
	char last[PATH_MAX];
	memcpy(last, part, part_length + 1);
	folder[part - folder] = '\0';
	int r = path_resolve(*folder ? folder : ".", absolute);
	return r < 0 ? r : path_append_part(absolute, last, part_length);
}

int shmimg_name_of_path(const char *path, char *name, size_t size)
{
	char absolute[PATH_MAX];
	size_t length = strlen(path);
	if (length == 0)
		return -EINVAL;
	while (length > 0 && path[length - 1] == '/')
		length--;
	int r = path_resolve_all_but_last(path, length, absolute);
	if (r < 0)
		return r;
	const char *found = *absolute ? absolute : "/";
	if (strlen(found) > NAME_LENGTH_MAX || strlen(found) >= size)
		return -ENAMETOOLONG;
	if (name_check(found))
		return -EINVAL;
	memcpy(name, found, strlen(found) + 1);
	return 0;
}
