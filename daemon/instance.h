/*
 * One daemon for each socket: the lock file beside the socket, the identity in it, what a killed
 * daemon of that identity has left, and the listening socket.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

enum { INSTANCE_ID_SIZE = 17 };

struct instance {
	char path[128]; /* of the lock file */
	int lock;
	char id[INSTANCE_ID_SIZE]; /* 16 hexadecimal digits: part of every segment's name */
	bool inherited;		   /* from an earlier daemon, which may have left segments */
};

/*
 * Locks the socket's name for this process, and reads or makes the identity. Makes the socket's
 * folder if its parent is there. Returns 0; -EBUSY when another daemon has the lock; or another
 * negative errno.
 */
int instance_claim(struct instance *instance, const char *socket);

/*
 * Takes another identity, when a name of the present one is taken by a foreign file.
 * Returns 0 or a negative errno.
 */
int instance_renew(struct instance *instance);

/*
 * Removes the segments, semaphore sets and board of a daemon of this identity. Returns 0, or
 * a negative errno when there may still be some.
 */
int instance_clean(const struct instance *instance);

/* Listens at a path; replaces a dead daemon's socket. Returns the socket or a negative errno. */
int instance_listen(const char *path, mode_t mode);

/* Unlocks and leaves the lock file: the next daemon finds in it the identity of what is left. */
void instance_leave(struct instance *instance);

/* Removes and unlocks the lock file. */
void instance_release(struct instance *instance);
