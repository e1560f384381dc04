/*
 * Owns what a connection has to send: a bounded number of bytes, and descriptors. Each descriptor
 * is sent with the first byte of its reply.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "daemon/base/tiny.h"
#include "daemon/socket/buffer.h"

enum { OUTBOX_FDS_MAX = TINY(16, 2) };

struct outbox_fd {
	int fd;
	size_t offset; /* of its reply, in bytes */
};

enum { OUTBOX_SIZE = BUFFER_SIZE - OUTBOX_FDS_MAX * sizeof(struct outbox_fd) };

/* The contents of a buffer. Descriptors have no buffer of their own: each goes with bytes. */
struct outbox_data {
	struct outbox_fd fds[OUTBOX_FDS_MAX];
	char bytes[OUTBOX_SIZE];
};

_Static_assert(sizeof(struct outbox_data) == BUFFER_SIZE, "one buffer is enough");

struct outbox {
	size_t start; /* of the unsent bytes, in data->bytes */
	size_t end;
	unsigned fd_count;
	bool out_of_memory;	  /* no buffer could be had for the next reply */
	struct outbox_data *data; /* NULL while no reply is added */
};

void outbox_init(struct outbox *outbox);

/* Removes all unsent bytes, and closes the unsent descriptors. */
void outbox_clear(struct outbox *outbox);

bool outbox_is_empty(const struct outbox *outbox);

/* Returns the buffer when all bytes are sent. */
void outbox_release_buffer(struct outbox *outbox);

/*
 * Whether one more reply of any length fits, with or without a descriptor. Gets the buffer that
 * outbox_space() then points into. Without memory, sets out_of_memory and returns false.
 */
bool outbox_has_space(struct outbox *outbox);

/* Returns where to write the next reply, and its maximum size. Call outbox_has_space() first. */
char *outbox_space(struct outbox *outbox, size_t *size);

/* Adds the reply that was written there. Takes over its descriptor; fd is -1 without one. */
void outbox_add(struct outbox *outbox, size_t length, int fd);

/* Sends as much as the socket takes. Returns 0 when all is sent, or a negative errno. */
int outbox_send(struct outbox *outbox, int socket);
