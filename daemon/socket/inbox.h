/*
 * Owns what a connection has received: bytes, up to the longest line, and the descriptors that came
 * with them and that no request has taken yet.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "daemon/base/tiny.h"
#include "daemon/file/close-queue.h"
#include "daemon/socket/buffer.h"

enum { INBOX_FDS_MAX = TINY(32, 3) }; /* descriptors that no request has taken yet */

struct inbox_fd {
	int fd;
	uint64_t start; /* position of the first byte that it came with */
	uint64_t end;	/* position after the bytes that it came with */
	bool stands_in; /* for what is no file */
};

/* The contents of a buffer. Descriptors have no buffer of their own: each came with bytes. */
struct inbox_data {
	char bytes[WIRE_LINE_MAX + 1];
	struct inbox_fd fds[INBOX_FDS_MAX];
};

_Static_assert(sizeof(struct inbox_data) <= BUFFER_SIZE, "one buffer is enough");

struct inbox {
	size_t start;	   /* of the next line, in data->bytes */
	size_t end;	   /* of the received bytes */
	uint64_t position; /* of start, counted from the first byte received */
	unsigned fd_count;
	struct close_queue *close_queue; /* closes the descriptors; NULL after inbox_clear() */
	struct inbox_data *data;	 /* NULL while the inbox is empty */
};

/* Holds the close queue until inbox_clear(). */
void inbox_init(struct inbox *inbox, struct close_queue *close_queue);

/* Removes all bytes, and closes the descriptors that no request has taken. */
void inbox_clear(struct inbox *inbox);

/* Returns the buffer when all bytes are consumed, and no descriptor is left. */
void inbox_release_buffer(struct inbox *inbox);

/*
 * Receives once, but not across the beginning of a message with descriptors. Moves the bytes in the
 * buffer, so no line may be in use. Returns the number of bytes received; 0 at the end of input;
 * -EAGAIN; -EPROTO when too many descriptors came; -EMFILE when the process cannot have so many,
 * or the user has its share; -ENOMEM; or another negative errno.
 */
ssize_t inbox_receive(struct inbox *inbox, int socket);

/* Returns the next line, with its '\n' at [*length], or NULL when no line is complete. */
char *inbox_line(struct inbox *inbox, size_t *length);

/* Whether no byte is left, not even the beginning of a line. */
bool inbox_is_empty(const struct inbox *inbox);

/* Whether the next line is longer than a line may be. */
bool inbox_is_full(const struct inbox *inbox);

/* Removes a line, and closes the descriptors that came with it and were not taken. */
void inbox_consume(struct inbox *inbox, size_t length);

/*
 * Returns the first descriptor of the message that has the first byte of the next line, or that has
 * only bytes of this line; or -1. The length is with the '\n'. Only incoming_take() may call
 * this, once for a line. The caller owns the descriptor, which still counts as received.
 */
int inbox_take_fd(struct inbox *inbox, size_t length);
