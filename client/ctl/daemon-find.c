/*
 * Finds the daemon's program.
 */
#include "client/ctl/daemon-find.h"

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

/* Removes the last part of a path if it is this one. */
static bool daemon_find_cut(char *path, const char *part)
{
	size_t length = strlen(path);
	size_t tail = strlen(part);
	if (length < tail || strcmp(path + length - tail, part) != 0)
		return false;
	path[length - tail] = '\0';
	return true;
}

static bool daemon_find_usable(const char *path)
{
	return access(path, X_OK) == 0;
}

/* In the same folder, or in the same build tree. */
static bool daemon_find_near(char *path, size_t size)
{
	char here[PATH_MAX];
	ssize_t length = readlink("/proc/self/exe", here, sizeof(here) - 1);
	if (length <= 0)
		return false;
	here[length] = '\0';
	char *slash = strrchr(here, '/');
	if (!slash)
		return false;
	*slash = '\0';
	snprintf(path, size, "%s/shmimgd", here);
	if (daemon_find_usable(path))
		return true;
	daemon_find_cut(here, "/.libs");
	if (!daemon_find_cut(here, "/client/ctl"))
		return false;
	snprintf(path, size, "%s/daemon/shmimgd", here);
	return daemon_find_usable(path);
}

void daemon_find(char *path, size_t size)
{
	const char *chosen = secure_getenv("SHMIMG_DAEMON");
	if (chosen && *chosen) {
		snprintf(path, size, "%s", chosen);
		return;
	}
	if (daemon_find_near(path, size))
		return;
	snprintf(path, size, "%s", BINDIR "/shmimgd");
	if (!daemon_find_usable(path))
		snprintf(path, size, "%s", "shmimgd");
}
