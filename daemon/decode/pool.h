/*
 * The pool of decoders: owns the processes and the queue of jobs, and decides which process does
 * which job and when.
 */
#pragma once

#include <stdint.h>

#include "daemon/config/options.h"
#include "daemon/decode/worker.h"

/* The search for a job that can be started. It may take several turns. */
struct pool_search {
	bool under_way;
	bool again;	 /* something has changed: jobs that it has passed may be ready now */
	bool wrapped;	 /* it is at the users up to the one that was served last */
	uid_t uid;	 /* the next job is this user's, or one of a higher number, */
	uint64_t number; /* and for this user the first one from this number on */
};

struct pool {
	struct worker_setup setup;
	unsigned count; /* processes without those that are stuck */
	LIST_HEAD(, worker) workers;
	RB_HEAD(job_queue, job) queue; /* by user, each user's in the order of their numbers */
	uint64_t last_number;
	struct pool_search search;
	uid_t last_served;     /* the user whose job was started last */
	sd_event_source *kick; /* starts jobs, after the current event */
	uint64_t restarts;     /* decoders that were lost with a job */
	bool started;	       /* a decoder has reported its sandbox */
	struct spares spares;
	uint32_t sandbox; /* the last report, bits of enum job_sandbox */
};

/*
 * program, options and deferred_free stay the caller's. Returns 0 or a negative errno.
 */
int pool_init(struct pool *pool, sd_event *event, const char *program,
	const struct options *options, struct deferred_free *deferred_free);

/* Kills all decoders and waits for their ends, without events. */
void pool_stop(struct pool *pool);

/* Queues a job. Its events are never called from within this function. */
void pool_submit(struct pool *pool, struct job *job);

/* Cancels a queued or running job: its events are not called any more. */
void pool_cancel(struct pool *pool, struct job *job);

/* Ends all idle decoders. */
void pool_retire(struct pool *pool);

/* Ends all idle decoders that have a spare. Returns how many bytes this will free. */
uint64_t pool_give_up_spares(struct pool *pool);

/* Whether spares of decoders that were ended are not free yet. */
bool pool_is_freeing(const struct pool *pool);

/* Starts the jobs that can be started, after the current event. */
void pool_kick(struct pool *pool);
