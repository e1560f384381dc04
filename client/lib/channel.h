/*
 * The socket: a stream of lines, some with a descriptor. Limits how much it receives and how
 * long it waits. Does not know what the lines mean.
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
	int passed;	   /* the first descriptor that was received and is not taken yet, or -1 */
	uid_t peer;	   /* uid of the listening process (SO_PEERCRED) */
	uid_t stranger;	   /* uid of the listening process that the last channel_open() refused */
	unsigned spin_us;  /* how long to poll for data before sleeping */
	const char *fault; /* the reason of the last -EPROTO */
	size_t start;	   /* data[start..end) is received and not read */
	size_t end;
	char data[WIRE_LINE_MAX];
};

/*
 * Connects to a socket's path and then closes the previous connection, so that the two have
 * different descriptors. Returns 0; -EPERM, with stranger set, if the daemon's user is not trusted
 * (peer.h); or the negative errno of connect(2). On failure changes nothing else.
 */
int channel_open(struct channel *channel, const char *path, deadline end);

void channel_close(struct channel *channel);

/*
 * Sends size bytes, and a descriptor unless fd is -1. The descriptor stays the caller's.
 * *begun becomes true if any byte was sent.
 * Returns 0, -ECONNRESET if the daemon has gone, -ETIMEDOUT, or another errno.
 */
int channel_send(
	struct channel *channel, const char *data, size_t size, int fd, deadline end, bool *begun);

/*
 * Receives a line; (*line)[*length] is its '\n'. The line is valid until the next call.
 * Returns 0, -ECONNRESET at the end of the stream, -ETIMEDOUT, -EPROTO if the line is too long
 * or has too many descriptors, -EMFILE if this process has too many open, or another errno.
 */
int channel_receive(struct channel *channel, char **line, size_t *length, deadline end);

/* Returns the received descriptor, which becomes the caller's, or -1. */
int channel_take(struct channel *channel);

/* Closes a received descriptor that was not taken. */
void channel_discard(struct channel *channel);
