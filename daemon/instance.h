/*
 * One daemon to a socket: the lock file beside the socket, the identity that is written in
 * it, and what a daemon of that identity may have left behind. Also makes the socket.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

enum { INSTANCE_ID_SIZE = 17 };

struct instance {
	char path[128]; /* of the lock file */
	int lock;
	char id[INSTANCE_ID_SIZE]; /* 16 hexadecimal digits: part of every segment's name */
	bool inherited;		   /* an earlier daemon had it, and may have left something */
};

/*
 * Locks the socket's name for this process, making its folder if only that is missing, and
 * reads or makes the identity. Returns 0, -EBUSY when another daemon has it, or a negative
 * errno.
 */
int instance_claim(struct instance *instance, const char *socket);

/*
 * Takes another identity: somebody else has put something at a name of this one's.
 * Returns 0 or a negative errno.
 */
int instance_renew(struct instance *instance);

/*
 * Removes the segments, semaphore sets and board of a daemon of this identity. Returns 0, or
 * a negative errno when there may still be some.
 */
int instance_clean(const struct instance *instance);

/* Listens at a path, in place of a dead daemon's socket. Returns it or a negative errno. */
int instance_listen(const char *path, mode_t mode);

/* Lets go of the lock file, which tells the next daemon the identity of what is left. */
void instance_leave(struct instance *instance);

/* Removes the lock file and lets go of it. */
void instance_release(struct instance *instance);
