/*
 * A request for a load: joins a load that is under way or begins one, and leaves it.
 */
#pragma once

#include "daemon/engine/engine.h"

struct load;

/* What is to be loaded. */
struct load_order {
	const char *name;
	uid_t owner;
	gid_t group;
	int share; /* enum share, or -1 */
	int keep;  /* enum keep, or -1 */
	enum format format;
	struct box box;			 /* to fit it into */
	uint64_t batch;			 /* published when all of this number can be; 0: alone */
	int input;			 /* taken over by load_request_submit() */
	struct close_queue *close_queue; /* by which it is closed: the owner's */
	struct header_source source;	 /* of input */
};

/* Waits for a load. Embedded in a struct of the one that asks, who owns it. */
struct load_waiter {
	TAILQ_ENTRY(load_waiter) link;
	struct load *load;
	uid_t uid; /* of the client, for the log */
	pid_t pid; /* 0: none, the daemon itself asks */
	bool in_batch;
	struct charge charge;

	/*
	 * The load has ended, with a rendition, or with a fault and a message when that is NULL.
	 * The waiter has left the load and may be freed. May cancel other requests, but must not
	 * submit one.
	 */
	void (*done)(struct load_waiter *waiter, struct rendition *rendition, enum fault fault,
		const char *message);
};

/*
 * Submits a load; uid, pid and done of the waiter are set. Returns 0; -EBUSY when too many
 * loads are under way; -EDQUOT when the owner has too many; or -ENOMEM. After a failure
 * order->input stays the caller's.
 */
int load_request_submit(
	struct engine *engine, const struct load_order *order, struct load_waiter *waiter);

/* Leaves the load; done() is not called. A load without waiters is cancelled. */
void load_request_cancel(struct load_waiter *waiter);
