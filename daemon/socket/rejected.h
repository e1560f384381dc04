/*
 * Sockets of those who were turned away, until they are closed. Has the memory for the next one
 * before somebody comes, so that nobody is accepted who could not be turned away; says nothing
 * to anybody.
 */
#pragma once

#include "daemon/socket/drain.h"

struct refusals {
	struct purger *purger;
	struct refusal *next; /* memory, or NULL */
	unsigned count;	      /* sockets that are not closed yet */
};

/* The purger is the caller's, and is stopped before refusals_destroy(). */
void refusals_init(struct refusals *refusals, struct purger *purger);

/* Gives back the memory; all that were handed over are closed. */
void refusals_destroy(struct refusals *refusals);

/*
 * Makes sure that another can be turned away. Returns 0; -EBUSY while too many are not closed; or
 * -ENOMEM.
 */
int refusals_prepare(struct refusals *refusals);

/* Takes over a socket to close it, once after each success of refusals_prepare(). */
void refusals_close(struct refusals *refusals, int fd);
