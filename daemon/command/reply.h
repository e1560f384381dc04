/*
 * The answer to a request, as command handlers see it: lines in memory, and a descriptor that
 * goes with them. It is complete at once, or deferred.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/queue.h>

#include "client/protocol/command.h"
#include "client/protocol/fault.h"
#include "client/protocol/wire.h"

struct reply {
	TAILQ_ENTRY(reply) link; /* in the sender's list */
	void *sender;
	/* Returns a reply that lives until it is complete; NULL without memory. */
	struct reply *(*defer)(struct reply *reply);
	/* Reports that a deferred reply is complete. */
	void (*complete)(struct reply *reply);
	bool completed;
	uint64_t sequence;	    /* the sender's: which request this answers */
	char id[ID_LENGTH_MAX + 1]; /* of the request; "" without one */
	bool quiet;		    /* only errors are answered */
	bool in_error;		    /* the line under construction is an error */
	struct fault_fields fields; /* of the next error */
	int fd;			    /* to go with the reply, or -1; owned by this */
	char *data;
	size_t size;
	size_t length;
	struct wire_writer writer;
};

/* Takes over the id and quiet= of a request: every line then begins with the id. */
void reply_identify(struct reply *reply, const char *id, bool quiet);

/* Whether a line of any length still fits. */
bool reply_has_room(const struct reply *reply);

/* Begins a line. Returns its writer, for wire_add(). A quiet reply drops it unless it is ERR. */
struct wire_writer *reply_begin(struct reply *reply, const char *verb);
void reply_end(struct reply *reply);

/*
 * Answers with an error. The message says what happened, then, after a semicolon, what to do;
 * without that, the advice of the code is added. The fields of the reply go with the error.
 */
void reply_fault(struct reply *reply, enum fault fault, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Passes a descriptor with the reply; takes it over, and closes it when the reply is quiet. */
void reply_pass(struct reply *reply, int fd);
