/*
 * What a connection has received: bytes up to the longest line, and the descriptors that
 * came with them until a line claims them. Knows lines, not what they mean.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "daemon/file/close-queue.h"
#include "daemon/socket/buffer.h"

enum { INBOX_FDS_MAX = 32 }; /* descriptors that no line has claimed yet */

struct inbox_fd {
	int fd;
	uint64_t end; /* where the bytes end that it came with; lines from there on are later */
};

/* A buffer's use: no descriptor is there without the bytes that it came with. */
struct inbox_data {
	char bytes[WIRE_LINE_MAX + 1];
	struct inbox_fd fds[INBOX_FDS_MAX];
};

_Static_assert(sizeof(struct inbox_data) <= BUFFER_SIZE, "one buffer is enough");

struct inbox {
	size_t start; /* of the next line, in data->bytes */
	size_t end;
	uint64_t position; /* of start in all that was received */
	unsigned fd_count;
	struct close_queue *close_queue; /* whose descriptors come; NULL after inbox_clear() */
	struct inbox_data *data;	 /* NULL while there is nothing */
};

/* Holds the files. */
void inbox_init(struct inbox *inbox, struct close_queue *close_queue);

/* Ends it: what no line has claimed is closed. */
void inbox_clear(struct inbox *inbox);

/* Gives the memory back when all is consumed. */
void inbox_rest(struct inbox *inbox);

/*
 * Receives once; moves the data, so no line may be in use. Returns the bytes received, 0 at
 * the end of input, -EAGAIN, -EPROTO when too many descriptors came, -EMFILE when this
 * process has no room for them, -ENOMEM, or another negative errno.
 */
ssize_t inbox_receive(struct inbox *inbox, int socket);

/* The next line, with its '\n' at [*length]; NULL when none is complete. */
char *inbox_line(struct inbox *inbox, size_t *length);

/* Whether there is nothing, not even the beginning of a line. */
bool inbox_is_empty(const struct inbox *inbox);

/* Whether the line that has begun is longer than a line may be. */
bool inbox_is_full(const struct inbox *inbox);

/* Goes on to the next line, and closes descriptors that this one might have claimed. */
void inbox_consume(struct inbox *inbox, size_t length);

/* The first descriptor that came before the end of the next line, or -1. */
int inbox_take_fd(struct inbox *inbox);
