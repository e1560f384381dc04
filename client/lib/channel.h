/*
 * The socket as a stream of lines, with a descriptor beside a line now and then. Bounds
 * what it takes in and how long it waits; knows nothing of what the lines say.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <sys/un.h>

#include "client/lib/deadline.h"
#include "client/protocol/wire.h"

struct channel {
	int fd;
	struct sockaddr_un address; /* of the daemon */
	int passed;		    /* the first descriptor received and not taken yet, or -1 */
	uid_t peer;		    /* uid of who listens, as the kernel knows it (SO_PEERCRED) */
	unsigned spin_us;	    /* how long a receipt is tried for before it sleeps */
	const char *fault;	    /* what was wrong when a function returned -EPROTO */
	size_t start;		    /* data[start..end) has been received and not been read */
	size_t end;
	char data[WIRE_LINE_MAX];
};

/*
 * Connects to a socket's path, and then ends the connection that there was before: the new
 * descriptor is another number. Returns 0, or the negative errno of connect(2) with
 * everything as it was.
 */
int channel_open(struct channel *channel, const char *path, deadline end);

void channel_close(struct channel *channel);

/*
 * Sends size bytes, and a descriptor unless that is -1, which stays the caller's.
 * *begun tells whether the other side may have got any of it.
 * Returns 0, -ECONNRESET when the other side is gone, -ETIMEDOUT, or another errno.
 */
int channel_send(
	struct channel *channel, const char *data, size_t size, int fd, deadline end, bool *begun);

/*
 * Receives a line; (*line)[*length] is its '\n'. It is valid until the next call.
 * Returns 0, -ECONNRESET at the end of the stream, -ETIMEDOUT, -EPROTO for a line that is
 * too long and for too many descriptors, -EMFILE when there was no room for one, or another
 * errno.
 */
int channel_receive(struct channel *channel, char **line, size_t *length, deadline end);

/* Gives the received descriptor away, or -1. */
int channel_take(struct channel *channel);

/* Closes a received descriptor that nobody took. */
void channel_discard(struct channel *channel);
