/*
 * The answer to a request, as command handlers see it: lines into memory, perhaps a
 * descriptor with them, now or later. Where the lines go is not their business.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/queue.h>

#include "client/protocol/fault.h"
#include "client/protocol/wire.h"

struct reply {
	TAILQ_ENTRY(reply) link; /* for whoever sends it */
	void *sender;
	/* Gives a reply that lives until it is complete, when the answer comes later; NULL
	 * without memory. */
	struct reply *(*defer)(struct reply *reply);
	/* Tells that a deferred reply is complete. */
	void (*complete)(struct reply *reply);
	bool completed;
	int fd; /* to go with the reply, or -1; owned by this */
	char *data;
	size_t size;
	size_t length;
	struct wire_writer writer;
};

/* Whether a line of any length still fits. */
bool reply_has_room(const struct reply *reply);

/* Begins a line; keys and values are added by wire_add() to what is returned. */
struct wire_writer *reply_begin(struct reply *reply, const char *verb);
void reply_end(struct reply *reply);

/* Answers with an error; the message says what is wrong, the advice of the code is added. */
void reply_fault(struct reply *reply, enum fault fault, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Sends a descriptor along; it is taken over. */
void reply_pass(struct reply *reply, int fd);
