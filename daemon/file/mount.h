/*
 * Mounts, by what the kernel's list of them says (proc(5), mountinfo): whether what a mount
 * shows comes from a program or from another machine, either of which may never answer. Asks
 * no file system anything.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* Whether a file system's type, such as "fuse.sshfs", is one that somebody else serves. */
bool mount_type_is_served(const char *type);

/*
 * Whether the mount with this identity is such a one, in a list as that of the kernel.
 * Returns 0 or 1, -ENOENT when it is not there, or another negative errno.
 */
int mount_find_served(FILE *list, uint64_t id);

/* What a way from folder to folder has come to; zero before the first. */
struct mount_way {
	uint64_t device; /* of the last */
	bool begun;
};

/*
 * Goes on to what a descriptor of O_PATH shows. Returns 0; -EREMOTE when somebody else serves it;
 * or another negative errno when that cannot be known. A way may begin anywhere.
 */
int mount_way_check(struct mount_way *way, int place);
