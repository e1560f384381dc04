/*
 * The decoders: at most so many processes, a queue of jobs in which users take turns, and
 * which process may do which job - one that has seen a user's file never sees another user's.
 * A process that has nothing to do for a time is ended.
 */
#pragma once

#include <stdint.h>

#include "daemon/config/options.h"
#include "daemon/decode/worker.h"

struct pool {
	struct worker_setup setup;
	unsigned count; /* processes, but not those that are stuck */
	LIST_HEAD(, worker) workers;
	TAILQ_HEAD(job_queue, job) queue;
	uid_t served;	       /* whose turn was last */
	sd_event_source *kick; /* runs the queue once the current event is dealt with */
	uint64_t restarts;     /* processes that died or were killed over a job */
	bool started;	       /* a process has said what confines it */
	struct spares spares;
	uint32_t sandbox; /* what the last one said, bits of enum job_sandbox */
};

/* program, options and releaser stay the caller's. Returns 0 or a negative errno. */
int pool_init(struct pool *pool, sd_event *event, const char *program,
	const struct options *options, struct deferred_free *deferred_free);
void pool_stop(struct pool *pool);

/* Queues a job; its events come later, never from within. */
void pool_submit(struct pool *pool, struct job *job);

/* Takes a job back, queued or running: no event of it comes any more. */
void pool_cancel(struct pool *pool, struct job *job);

/* Ends all processes that have nothing to do. */
void pool_retire(struct pool *pool);

/*
 * Gives up the spares of all processes that have nothing to do, by ending these. Returns how
 * many bytes will be free for that.
 */
uint64_t pool_give_up_spares(struct pool *pool);

/* Whether spares that were given up still take their bytes. */
bool pool_is_freeing(const struct pool *pool);

/* Starts what can be started, soon. */
void pool_kick(struct pool *pool);
