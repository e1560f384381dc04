/*
 * A session as the commands know it: the client's user, its pins, and its pending operations.
 * client.h opens and closes sessions.
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

struct listing;

RB_HEAD(pin_tree, pin);

/* An operation that a session waits for. Embedded in the operation's own struct. */
struct pending {
	TAILQ_ENTRY(pending) link;
	const char *name; /* of the operation's image */
	const char *id;	  /* of the request; "" without one */

	/* Ends the operation without an answer, and frees it. It was removed from the list. */
	void (*cancel)(struct pending *pending);

	/* As cancel(), but answers that the request was cancelled. */
	void (*answer_cancelled)(struct pending *pending);
};

struct session {
	struct engine *engine;
	struct credentials who;
	struct charge charge;		 /* for the connection */
	struct close_queue *close_queue; /* of the user */
	struct pin_tree pins;
	TAILQ_HEAD(, pending) pending;
	struct subscription subscription;
	struct charge watch_charge; /* for the subscription */
	struct listing *listing;    /* the LIST that is not complete, or NULL */
	/* Where a RELEASE continues. */
	struct {
		bool begun;
		struct pin *next;
		unsigned count; /* of released pins */
	} release;
};

/* Ends the pending operations with this id, and answers them. Returns their number. */
unsigned session_cancel(struct session *session, const char *id);

/*
 * Whether the user is within the limits of bytes and images. Pins on what others replace or drop
 * can lead beyond; then no image of another user may be pinned.
 */
bool session_may_hold(const struct session *session);

/* Pins a rendition; a second pin changes nothing. Returns 0, -EDQUOT or -ENOMEM. */
int session_pin(struct session *session, struct rendition *rendition);

/* Which pins to release. */
struct pin_filter {
	const char *name;
	int64_t owner;	       /* of the image; OWNER_ANY: of every owner */
	int format;	       /* -1: any */
	const struct box *box; /* NULL: any size */
	uint64_t generation;   /* 0: any */
};

/*
 * Releases the pins that match: a limited number in one call. Returns false when it must be called
 * again with the same filter; at the end, returns true and sets *count to the number of pins.
 */
bool session_release(struct session *session, const struct pin_filter *filter, unsigned *count);
