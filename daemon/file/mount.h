/*
 * Tells whether a mount is served by a program or by another machine, which may never answer. Asks
 * the kernel only, and never the file system.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* Whether a program or another machine serves a type of file system, such as "fuse.sshfs". */
bool mount_type_is_served(const char *type);

/*
 * Looks up a mount in a list with the format of /proc/self/mountinfo. Returns 1 for a served mount,
 * else 0; -ENOENT when the list does not have it; or another negative errno.
 */
int mount_find_served(FILE *list, uint64_t id);

/* A walk from folder to folder; zero before the first. */
struct mount_walk {
	uint64_t device; /* of the last folder */
	bool begun;
};

/*
 * Continues a walk with a descriptor of O_PATH. Returns 0; -EREMOTE when its mount is served; or
 * another negative errno when that cannot be found out. For the daemon's thread.
 */
int mount_walk_check(struct mount_walk *walk, int fd);
