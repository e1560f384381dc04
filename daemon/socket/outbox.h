/*
 * What a connection has to send: bytes within a bound, and descriptors each of which goes
 * with the first byte of its reply. Knows nothing of what is said.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "daemon/socket/buffer.h"

enum { OUTBOX_FDS_MAX = 16 };

struct outbox_fd {
	int fd;
	size_t offset; /* of its reply in the bytes */
};

enum { OUTBOX_SIZE = BUFFER_SIZE - OUTBOX_FDS_MAX * sizeof(struct outbox_fd) };

/* A buffer's use: no descriptor waits without its reply. */
struct outbox_data {
	struct outbox_fd fds[OUTBOX_FDS_MAX];
	char bytes[OUTBOX_SIZE];
};

_Static_assert(sizeof(struct outbox_data) == BUFFER_SIZE, "one buffer is enough");

struct outbox {
	size_t start; /* of what is not sent yet, in data->bytes */
	size_t end;
	unsigned fd_count;
	bool starved;		  /* there was no memory when it was needed */
	struct outbox_data *data; /* NULL while there is nothing */
};

void outbox_init(struct outbox *outbox);

/* Forgets what is not sent, and closes its descriptors. */
void outbox_clear(struct outbox *outbox);

bool outbox_is_empty(const struct outbox *outbox);

/* Gives the memory back when all is sent. */
void outbox_rest(struct outbox *outbox);

/*
 * Whether one more reply, of any length and perhaps with a descriptor, fits. Takes memory for
 * it, of which outbox_space() is then; without any it never will, and is starved.
 */
bool outbox_has_room(struct outbox *outbox);

/* Where the next reply can be written, and how much. */
char *outbox_space(struct outbox *outbox, size_t *size);

/* Adds what was written to the space, with a descriptor (taken over) unless fd is -1. */
void outbox_add(struct outbox *outbox, size_t length, int fd);

/* Sends what it can. Returns 0 when all is sent, -EAGAIN, or another negative errno. */
int outbox_send(struct outbox *outbox, int socket);
