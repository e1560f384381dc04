/*
 * Sockets of those who were turned away, until they are closed. Has the memory for the next one
 * before somebody comes, so that nobody is accepted who could not be turned away; says nothing
 * to anybody.
 */
#pragma once

#include "daemon/socket/drain.h"

struct rejected_list {
	struct drain *drain;
	struct rejected *next; /* memory, or NULL */
	unsigned count;	       /* sockets that are not closed yet */
};

/* The purger is the caller's, and is stopped before rejected_destroy(). */
void rejected_init(struct rejected_list *rejected_list, struct drain *drain);

/* Gives back the memory; all that were handed over are closed. */
void rejected_destroy(struct rejected_list *rejected_list);

/*
 * Makes sure that another can be turned away. Returns 0; -EBUSY while too many are not closed; or
 * -ENOMEM.
 */
int rejected_prepare(struct rejected_list *rejected_list);

/* Takes over a socket to close it, once after each success of rejected_prepare(). */
void rejected_close(struct rejected_list *rejected_list, int fd);
