/*
 * Descriptors under way to clients: owns the charges for those that are in the daemon or on a
 * socket, until the client has received them. A connection has one transit.
 */
#pragma once

#include <stdbool.h>
#include <sys/queue.h>
#include <sys/types.h>

#include "daemon/user/account.h"

struct transit {
	TAILQ_ENTRY(transit) link; /* while there is a charge */
	struct charge charge;	   /* for each descriptor that may be under way */
	int socket;
	uid_t uid;
	unsigned waiting; /* of these, so many are not sent yet */
};

void transit_init(struct transit *transit, int socket, uid_t uid);

/*
 * Charges one more descriptor, before the request for it is answered. Returns 0; -EDQUOT when the
 * user has too many under way; -EBUSY when all users together have; or -ENOMEM.
 */
int transit_add(struct transit *transit, struct accounts *accounts);

/* Refunds what the client has received; waiting descriptors are not sent yet. */
void transit_update(struct transit *transit, unsigned waiting);

/* Whether descriptors may be under way. */
bool transit_is_pending(const struct transit *transit);

/* Refunds everything: the connection is closed. */
void transit_end(struct transit *transit);
