/*
 * The loads under way. Finds a load by its order, and the loads of an image in the order in
 * which they were requested.
 */
#pragma once

#include <bsd/sys/tree.h>
#include <sys/queue.h>

#include "daemon/config/options.h"
#include "daemon/decode/pool.h"
#include "daemon/engine/counters.h"
#include "daemon/segment/deferred-free.h"
#include "daemon/store/eviction.h"
#include "daemon/store/store.h"

RB_HEAD(load_tree, load);

/* The caller sets the pointers and page_size; loader_init() the rest. */
struct loader {
	struct store *store;
	struct eviction *eviction;
	struct pool *pool;
	struct deferred_free *deferred_free;
	struct accounts *accounts;
	const struct options *options;
	struct counters *counters;
	uint64_t page_size;
	struct load_tree loads;
	unsigned count;	      /* of loads */
	uint64_t last_number; /* of a load */
	uint64_t last_batch;  /* the number of the last batch */
};

/* What to load, for whom. */
struct load_order {
	const char *name;
	uid_t owner;
	gid_t group;
	int share; /* enum share, or -1 */
	int keep;  /* enum keep, or -1 */
	enum format format;
	struct box box;			 /* to fit the picture into */
	uint64_t batch;			 /* loads of one number are published together; 0: alone */
	int input;			 /* taken over by load_request_submit() */
	struct close_queue *close_queue; /* of the owner; closes input */
	struct header_source source;	 /* of input */
};

/* Waits for a load. Embedded in a struct of the requester, which frees it. */
struct load_waiter {
	TAILQ_ENTRY(load_waiter) link;
	struct load *load;
	uid_t uid; /* of the client, for the log */
	pid_t pid; /* 0: the daemon itself */
	bool in_batch;
	struct charge charge;

	/*
	 * The load has ended, with a rendition, or with a fault and a message when that is NULL.
	 * The waiter has left the load and may be freed. done() may cancel other requests, but
	 * must not submit one.
	 */
	void (*done)(struct load_waiter *waiter, struct rendition *rendition, enum fault fault,
		const char *message);
};

/* One decode, for all waiters with the same order. */
struct load {
	struct job job; /* first: the job is the load */
	RB_ENTRY(load) node;
	uint64_t number; /* later loads have higher numbers */
	struct loader *loader;
	struct load_order order;
	TAILQ_HEAD(, load_waiter) waiters;
	unsigned attempts;   /* to decode it */
	bool waits;	     /* until the memory that was evicted for it is free */
	bool ready;	     /* decoded, but the rest of its batch is not */
	bool finishing;	     /* done() of its waiters is being called */
	int segment;	     /* -1 until the header is known */
	int origin;	     /* the segment that it is derived from, or -1: the file */
	bool from_file;	     /* no longer derived from a segment */
	struct charge bytes; /* for the segment, to the owner */
	struct header header;
	enum format native;
	struct fault_fields fields; /* of the fault that ends it */
	char type[8];
	char name[];
};

void loader_init(struct loader *loader);

/* Adds a load after all others of its image. */
void loader_add(struct loader *loader, struct load *load);
void loader_remove(struct loader *loader, struct load *load);

/* The first load of an image, or NULL. */
struct load *loader_first(const struct loader *loader, const char *name, uid_t owner);

/* The next load of the same image, or NULL. */
struct load *loader_next(struct load *load);

/* The load with an equal order, or NULL. */
struct load *loader_find(const struct loader *loader, const struct load_order *order);
