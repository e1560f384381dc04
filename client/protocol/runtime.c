/*
 * The user's runtime folder.
 *
 * It is examined by its path, which is then used to connect. Nobody else can exchange it in
 * between: its parent is root's (pam_systemd(8)) or the user's own choice. Whoever could
 * nevertheless meets the check of the peer's uid (peer.h).
 */
#include "client/protocol/runtime.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Writes what is wrong with a folder: a predicate such as "is not a folder", or "". */
static void runtime_examine(const struct stat *status, char *fault, size_t size)
{
	fault[0] = '\0';
	if (S_ISLNK(status->st_mode))
		snprintf(fault, size, "is a symbolic link");
	else if (!S_ISDIR(status->st_mode))
		snprintf(fault, size, "is not a folder");
	else if (status->st_uid != geteuid())
		snprintf(fault, size, "belongs to another user (uid %u)", status->st_uid);
	else if (status->st_mode & (S_IWGRP | S_IWOTH))
		snprintf(fault, size, "can be written by other users (its mode is %04o)",
			status->st_mode & 07777u);
}

/* As runtime_examine(), of XDG_RUNTIME_DIR itself. */
static void runtime_examine_path(const char *path, char *fault, size_t size)
{
	char plain[PATH_MAX];
	struct stat status;
	size_t length = strnlen(path, sizeof(plain));
	if (path[0] != '/') {
		snprintf(fault, size, "is not an absolute path");
		return;
	}
	if (length == sizeof(plain)) {
		snprintf(fault, size, "is too long");
		return;
	}
	memcpy(plain, path, length + 1);
	/* With a slash at its end, lstat(2) would follow a link. */
	while (length > 1 && plain[length - 1] == '/')
		plain[--length] = '\0';
	if (lstat(plain, &status) == 0)
		runtime_examine(&status, fault, size);
	else if (errno == ENOENT)
		snprintf(fault, size, "does not exist");
	else
		snprintf(fault, size, "cannot be examined (%s)", strerror(errno));
}

/* As runtime_examine(), of the folder of the socket. It may be missing; then nothing is wrong. */
static void runtime_examine_subfolder(const char *path, char *fault, size_t size)
{
	char subfolder[PATH_MAX];
	struct stat status;
	int length = snprintf(subfolder, sizeof(subfolder), "%s/" RUNTIME_SUBFOLDER, path);
	fault[0] = '\0';
	if (length < 0 || (size_t)length >= sizeof(subfolder))
		snprintf(fault, size, "has a path that is too long");
	else if (lstat(subfolder, &status) == 0)
		runtime_examine(&status, fault, size);
	else if (errno != ENOENT)
		snprintf(fault, size, "cannot be examined (%s)", strerror(errno));
}

const char *runtime_folder(char *fault, size_t size)
{
	char predicate[128];
	const char *path = secure_getenv("XDG_RUNTIME_DIR");
	snprintf(fault, size, "%s", "");
	if (!path || !*path)
		return NULL;
	runtime_examine_path(path, predicate, sizeof(predicate));
	if (*predicate) {
		snprintf(fault, size, "XDG_RUNTIME_DIR=%s %s and is ignored", path, predicate);
		return NULL;
	}
	runtime_examine_subfolder(path, predicate, sizeof(predicate));
	if (*predicate) {
		snprintf(fault, size,
			"XDG_RUNTIME_DIR=%s is ignored, because %s/" RUNTIME_SUBFOLDER " %s", path,
			path, predicate);
		return NULL;
	}
	return path;
}
