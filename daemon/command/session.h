/*
 * A session as the commands know it: who the client is, what it has pinned, and what it waits
 * for. It ends with its connection, and knows nothing of it. client.h has what opens and
 * closes one.
 */
#pragma once

#include <bsd/sys/tree.h>
#include <sys/queue.h>

#include "client/protocol/name.h"
#include "daemon/command/client.h"
#include "daemon/command/subscription.h"
#include "daemon/engine/engine.h"
#include "daemon/store/image.h"
#include "daemon/user/credentials.h"

RB_HEAD(pin_tree, pin);

/* An operation that a session waits for. Embedded in the operation's own struct. */
struct pending {
	TAILQ_ENTRY(pending) link;
	const char *name; /* of the operation's image */

	/* Ends the operation without an answer, and frees it; it has left the list. */
	void (*cancel)(struct pending *pending);
};

struct session {
	struct engine *engine;
	struct credentials who;
	struct charge charge;		 /* for the connection */
	struct close_queue *close_queue; /* of the user */
	struct pin_tree pins;
	TAILQ_HEAD(, pending) pending;
	struct subscription subscription;
	/* Where a LIST goes on when its reader has made room. */
	struct {
		char *name; /* of the image that was looked at last, or ""; NULL: of none */
		uid_t owner;
		uint64_t count;
	} cursor;
};

/* Holds a rendition, once however often it is asked to. Returns 0, -EDQUOT or
 * -ENOMEM. */
int session_pin(struct session *session, struct rendition *rendition);

/* Which pins to let go of. */
struct pin_filter {
	const char *name;
	int64_t owner;	       /* -1: any */
	int format;	       /* -1: any */
	const struct box *box; /* NULL: any size */
	uint64_t generation;   /* 0: any */
};

/* Lets go of the pins that match. Returns how many there were. */
unsigned session_release(struct session *session, const struct pin_filter *filter);
