/*
 * One daemon for each socket: the lock file beside the socket, the identity in it, what a killed
 * daemon of that identity has left, and the listening socket.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "daemon/segment/identity.h"

struct instance {
	char path[128]; /* of the lock file */
	int lock;
	struct identity identity;
	bool inherited; /* from an earlier daemon, which may have left segments */
};

/*
 * Locks the socket's name for this process, and reads or makes the identity. Makes the socket's
 * folder if its parent is there. Returns 0; -EBUSY when another daemon has the lock; -EPERM when
 * something that no daemon of this user made has the lock file's name; or another negative errno.
 */
int instance_claim(struct instance *instance, const char *socket);

/*
 * Takes another identity, when a name of the present one is taken by a foreign file.
 * Returns 0 or a negative errno.
 */
int instance_renew(struct instance *instance);

/*
 * Removes the segments, sets, board and follow records of a daemon of this identity. Returns 0, or
 * a negative errno when there may still be some.
 */
int instance_clean(const struct instance *instance);

/*
 * Whether only this user and root can replace what is in the socket's folder: the socket, the lock
 * file and the follow records.
 */
bool instance_folder_is_safe(const struct instance *instance);

/* Listens at a path; replaces a dead daemon's socket. Returns the socket or a negative errno. */
int instance_listen(const char *path, mode_t mode);

/* Unlocks and leaves the lock file: the next daemon finds in it the identity of what is left. */
void instance_leave(struct instance *instance);

/* Removes and unlocks the lock file. */
void instance_release(struct instance *instance);
