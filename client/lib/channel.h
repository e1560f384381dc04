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

/* Descriptors that may wait to be taken. */
enum { CHANNEL_PASSED_MAX = 64 };

struct channel {
	int fd;
	struct sockaddr_un address;	/* of the daemon */
	int passed[CHANNEL_PASSED_MAX]; /* received and not taken yet, in their order */
	unsigned passed_count;
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
 * The next line, if all of it is here or can be received at once; (*line)[*length] is its '\n'.
 * It is the next line until channel_consume(), and valid until the next call.
 * Returns 0, -EAGAIN if it is not here, -ECONNRESET at the end of the stream, -EPROTO if the line
 * is too long or too many descriptors came, -EMFILE if this process has too many open, or another
 * errno.
 */
int channel_next(struct channel *channel, char **line, size_t *length);

/* Goes on to the line behind the next one, which has this length. */
void channel_consume(struct channel *channel, size_t length);

/* Waits until something can be received. Returns 0, -ETIMEDOUT or another errno. */
int channel_wait(const struct channel *channel, deadline end);

/* Returns the first received descriptor, which becomes the caller's, or -1. */
int channel_take(struct channel *channel);

/* Closes the received descriptors that were not taken. */
void channel_discard(struct channel *channel);
