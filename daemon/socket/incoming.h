/*
 * A request as it comes in: a line, parsed, and the descriptor that belongs to it. Both are taken
 * out of the inbox by one function, so that no other line can get the descriptor.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "daemon/command/dispatch.h"
#include "daemon/socket/inbox.h"

struct incoming {
	TAILQ_ENTRY(incoming) link; /* of requests that wait */
	uint64_t sequence;	    /* later requests of a connection have higher numbers */
	struct request request;	    /* points into the line */
	int fd;			    /* that came with the line, or -1; owned by this */
	size_t length;		    /* of the line in the inbox, with its '\n' */
	char id[ID_LENGTH_MAX + 1]; /* "" without one */
	bool quiet;
	bool ends;	    /* the connection ends after the answer */
	enum fault fault;   /* of a line that is not well-formed */
	const char *detail; /* what is wrong: a description, or the verb or key */
	enum request_fault request_fault;
	unsigned cancelled; /* waiting requests that this one has cancelled */
	bool is_cancelled;  /* by a later request */
};

TAILQ_HEAD(incoming_list, incoming);

/*
 * Takes the next line of an inbox with its descriptor. The bytes stay in the inbox until
 * incoming_consume() or incoming_copy(), and nothing may be received. Returns false when no line is
 * complete.
 */
bool incoming_take(struct incoming *incoming, struct inbox *inbox);

/* Makes an error that ends the connection. */
void incoming_set_end(struct incoming *incoming, enum fault fault, const char *text);

/* Copies a request, with its line, and takes the line out of the inbox; NULL without memory. */
struct incoming *incoming_copy(struct incoming *incoming, struct inbox *inbox);

/* Returns the descriptor for the handler of the request, which owns it, or -1. */
int incoming_take_fd(struct incoming *incoming, struct close_queue *close_queue);

/* Closes a descriptor that was not used, and takes the line out of the inbox. */
void incoming_consume(struct incoming *incoming, struct inbox *inbox);

/* Frees a copy, and closes its descriptor. */
void incoming_free(struct incoming *incoming, struct close_queue *close_queue);

/* Marks the waiting requests with this id as cancelled. Returns their number. */
unsigned incoming_cancel(struct incoming_list *waiting, const char *id);

/*
 * Whether a request has to wait for one of the waiting ones: an earlier one without an id, if it
 * has none, or one that it has cancelled.
 */
bool incoming_is_behind(const struct incoming *incoming, const struct incoming_list *waiting);
