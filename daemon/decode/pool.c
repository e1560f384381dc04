/*
 * A decoder is bound to one user: after it has read a file of a user it never gets another user's,
 * since the first file may have taken it over. It is kept for the user's next job until it has been
 * idle for a while, or another user needs its place.
 *
 * Users take turns in the order of their numbers, so that one with many jobs does not delay the
 * others. Among the jobs of a user the first that is ready is started. The search for it looks at
 * a bounded number of jobs in one turn of the daemon's thread, and goes on in the next one.
 *
 * A decoder that was killed and hangs in the kernel no longer counts for the limit of all decoders,
 * only for that of its user. A user whose decoders all hang gets an error.
 */
#include "daemon/decode/pool.h"

#include <errno.h>
#include <string.h>

#include "daemon/base/tiny.h"
#include "daemon/log/log.h"

/* In one turn. */
enum {
	LOOKS_MAX = TINY(256, 8), /* jobs and users that are looked at */
	STARTS_MAX = TINY(16, 1), /* jobs that are started */
	LOOKS_OF_USER = 4,	  /* what finding out about a user's decoders costs, in looks */
};

static int pool_compare(const struct job *a, const struct job *b)
{
	if (a->uid != b->uid)
		return a->uid < b->uid ? -1 : 1;
	return (a->number > b->number) - (a->number < b->number);
}

RB_GENERATE_INTERNAL(job_queue, job, node, pool_compare, __attribute__((unused)) static)

static struct worker *pool_find_idle(const struct pool *pool, uid_t uid)
{
	struct worker *worker;
	LIST_FOREACH (worker, &pool->workers, link) {
		if (worker->state == WORKER_IDLE && worker->uid == uid)
			return worker;
	}
	return NULL;
}

/* Ends an idle decoder for another user's, unless one is ending already. */
static void pool_retire_idle(struct pool *pool)
{
	struct worker *worker;
	LIST_FOREACH (worker, &pool->workers, link) {
		if (worker->state == WORKER_ENDING && !worker->stuck)
			return;
	}
	LIST_FOREACH (worker, &pool->workers, link) {
		if (worker->state == WORKER_IDLE) {
			worker_kill(worker);
			return;
		}
	}
}

/* Ends idle decoders above the limit, which a reload may have lowered. */
static void pool_retire_surplus(struct pool *pool)
{
	struct worker *worker;
	unsigned living = 0;
	LIST_FOREACH (worker, &pool->workers, link)
		living += worker->state != WORKER_ENDING;
	LIST_FOREACH (worker, &pool->workers, link) {
		if (living > pool->setup.options->decoders && worker->state == WORKER_IDLE) {
			worker_kill(worker);
			living--;
		}
	}
}

void pool_retire(struct pool *pool)
{
	struct worker *worker;
	LIST_FOREACH (worker, &pool->workers, link) {
		if (worker->state == WORKER_IDLE)
			worker_kill(worker);
	}
}

uint64_t pool_give_up_spares(struct pool *pool)
{
	uint64_t bytes = 0;
	struct worker *worker;
	LIST_FOREACH (worker, &pool->workers, link) {
		if (worker->state != WORKER_IDLE || worker->spare.size == 0)
			continue;
		bytes += worker->spare.size;
		worker_kill(worker);
	}
	return bytes;
}

bool pool_is_freeing(const struct pool *pool)
{
	const struct worker *worker;
	LIST_FOREACH (worker, &pool->workers, link) {
		if (worker->state == WORKER_ENDING && !worker->stuck && worker->spare.size > 0)
			return true;
	}
	return false;
}

/* Counts the decoders of a user: those that are stuck, or all. */
static unsigned pool_count_user(const struct pool *pool, uid_t uid, bool stuck)
{
	unsigned count = 0;
	const struct worker *worker;
	LIST_FOREACH (worker, &pool->workers, link)
		count += worker->uid == uid && (worker->stuck || !stuck);
	return count;
}

/* Whether the job's user has an idle decoder, may have one more, or must get an error. */
static bool pool_can_proceed(const struct pool *pool, const struct job *job)
{
	uint64_t max = pool->setup.options->user_decoders;
	return pool_find_idle(pool, job->uid) || pool_count_user(pool, job->uid, false) < max ||
	       pool_count_user(pool, job->uid, true) >= max;
}

static void pool_dequeue(struct pool *pool, struct job *job)
{
	RB_REMOVE(job_queue, &pool->queue, job);
	pool->last_served = job->uid;
	pool->search.under_way = false;
}

static void pool_log_not_started(const struct pool *pool, uid_t uid, int error)
{
	struct log_client client = {uid, 0};
	log_write(&(struct log_entry){LOG_ENTRY(ERROR, FAILED), .client = &client, .error = -error},
		"cannot start %s: %s", pool->setup.program, strerror(-error));
}

static int pool_start_worker(struct pool *pool, uid_t uid, struct worker **started)
{
	int r = worker_start(&pool->setup, uid, started);
	if (r < 0)
		return r;
	LIST_INSERT_HEAD(&pool->workers, *started, link);
	pool->count++;
	return 0;
}

/* Returns whether the job has left the queue. */
static bool pool_start_job(struct pool *pool, struct job *job)
{
	struct worker *worker = pool_find_idle(pool, job->uid);
	if (!worker &&
		pool_count_user(pool, job->uid, true) >= pool->setup.options->user_decoders) {
		pool_dequeue(pool, job);
		job->events->end(job, FAULT_BUSY,
			"your decoders hang while reading earlier files; check the file servers of "
			"these files");
		return true;
	}
	if (!worker && pool->count >= pool->setup.options->decoders) {
		pool_retire_idle(pool);
		return false;
	}
	pool_dequeue(pool, job);
	int r = worker ? 0 : pool_start_worker(pool, job->uid, &worker);
	if (r < 0) {
		pool_log_not_started(pool, job->uid, r);
		bool later = r == -EMFILE || r == -ENFILE || r == -ENOMEM || r == -EAGAIN;
		job->events->end(job, later ? FAULT_BUSY : FAULT_DECODER_FAILED,
			"the decoder cannot be started; see the log of shmimgd");
		return true;
	}
	worker_start_job(worker, job);
	return true;
}

/* Goes on behind the last job of a user. No user has the highest number. */
static void pool_search_skip(struct pool_search *search, uid_t uid)
{
	search->uid = uid + 1;
	search->number = 0;
}

/* Begins behind the user who was served last. */
static void pool_search_begin(struct pool *pool)
{
	pool->search = (struct pool_search){.under_way = true};
	pool_search_skip(&pool->search, pool->last_served);
}

/* The job at the position of the search, or NULL when all were looked at. */
static struct job *pool_search_job(struct pool *pool)
{
	struct pool_search *search = &pool->search;
	struct job key = {.uid = search->uid, .number = search->number};
	struct job *job = RB_NFIND(job_queue, &pool->queue, &key);
	if (!job && !search->wrapped) {
		search->wrapped = true;
		search->uid = 0;
		search->number = 0;
		job = RB_MIN(job_queue, &pool->queue);
	}
	return job && search->wrapped && job->uid > pool->last_served ? NULL : job;
}

/* The first job that is ready, of the user whose turn is next. NULL also when no look is left. */
static struct job *pool_next_job(struct pool *pool, unsigned *looks)
{
	struct pool_search *search = &pool->search;
	struct job *job;
	const struct job *known = NULL; /* whose user can proceed */
	if (!search->under_way)
		pool_search_begin(pool);
	while ((job = pool_search_job(pool)) && *looks > 0) {
		bool same = known && known->uid == job->uid;
		unsigned cost = same ? 1 : LOOKS_OF_USER;
		*looks -= cost < *looks ? cost : *looks;
		if (!same && !pool_can_proceed(pool, job)) {
			pool_search_skip(search, job->uid);
			continue;
		}
		if (job->events->ready(job))
			return job;
		known = job;
		search->uid = job->uid;
		search->number = job->number + 1;
	}
	search->under_way = job && *looks == 0;
	return NULL;
}

static void pool_go_on(const struct pool *pool)
{
	sd_event_source_set_enabled(pool->kick, SD_EVENT_ONESHOT);
}

static void pool_start_jobs(struct pool *pool)
{
	unsigned looks = LOOKS_MAX, starts = 0;
	struct job *job;
	while (starts < STARTS_MAX && (job = pool_next_job(pool, &looks))) {
		if (!pool_start_job(pool, job)) {
			pool->search = (struct pool_search){0};
			return;
		}
		starts++; /* an event may have changed the queue */
	}
	if (starts == STARTS_MAX || pool->search.under_way || pool->search.again)
		pool_go_on(pool);
	if (!pool->search.under_way)
		pool->search.again = false;
}

static void pool_offer_spares(struct pool *pool)
{
	struct worker *worker;
	LIST_FOREACH (worker, &pool->workers, link) {
		if (worker->state == WORKER_IDLE)
			worker_offer_spare(worker);
	}
}

static int pool_on_kick(sd_event_source *source, void *context)
{
	struct pool *pool = context;
	(void)source;
	pool_retire_surplus(pool);
	pool_start_jobs(pool);
	pool_offer_spares(pool);
	return 0;
}

static void pool_on_confined(struct worker *worker, uint32_t sandbox)
{
	struct pool *pool = worker->setup->owner;
	if (!(sandbox & JOB_SANDBOX_SECCOMP) && (!pool->started || pool->sandbox != sandbox))
		log_write(&(struct log_entry){LOG_ENTRY(WARNING, UNCONFINED)},
			"%s is built without seccomp: a malicious file can make it do all that "
			"this user can; build it with libseccomp",
			pool->setup.program);
	pool->started = true;
	pool->sandbox = sandbox;
}

static void pool_on_changed(struct worker *worker)
{
	pool_kick(worker->setup->owner);
}

static void pool_on_failed(struct worker *worker)
{
	struct pool *pool = worker->setup->owner;
	pool->restarts++;
}

static void pool_on_stuck(struct worker *worker)
{
	struct pool *pool = worker->setup->owner;
	pool->count--;
	pool_kick(pool);
}

static void pool_on_returned(struct worker *worker, struct job *job)
{
	pool_submit(worker->setup->owner, job);
}

static void pool_remove_worker(struct pool *pool, struct worker *worker)
{
	LIST_REMOVE(worker, link);
	if (!worker->stuck)
		pool->count--;
}

static void pool_on_ended(struct worker *worker)
{
	struct pool *pool = worker->setup->owner;
	pool_remove_worker(pool, worker);
	pool_kick(pool);
}

static const struct worker_events pool_worker_events = {
	.confined = pool_on_confined,
	.changed = pool_on_changed,
	.failed = pool_on_failed,
	.stuck = pool_on_stuck,
	.returned = pool_on_returned,
	.ended = pool_on_ended,
};

int pool_init(struct pool *pool, sd_event *event, const char *program,
	const struct options *options, struct deferred_free *deferred_free)
{
	*pool = (struct pool){
		.setup = {.event = event,
			.program = program,
			.options = options,
			.spares = &pool->spares,
			.events = &pool_worker_events,
			.owner = pool},
		.spares = {.options = options, .deferred_free = deferred_free},
	};
	LIST_INIT(&pool->workers);
	RB_INIT(&pool->queue);
	int r = sd_event_add_defer(event, &pool->kick, pool_on_kick, pool);
	return r < 0 ? r : sd_event_source_set_enabled(pool->kick, SD_EVENT_OFF);
}

void pool_kick(struct pool *pool)
{
	pool->search.again |= pool->search.under_way;
	pool_go_on(pool);
}

void pool_stop(struct pool *pool)
{
	pool->kick = sd_event_source_disable_unref(pool->kick);
	pool->spares.deferred_free = NULL;
	while (!LIST_EMPTY(&pool->workers)) {
		struct worker *worker = LIST_FIRST(&pool->workers);
		pool_remove_worker(pool, worker);
		worker_destroy(worker);
	}
}

void pool_submit(struct pool *pool, struct job *job)
{
	job->worker = NULL;
	job->number = ++pool->last_number;
	RB_INSERT(job_queue, &pool->queue, job);
	pool_kick(pool);
}

void pool_cancel(struct pool *pool, struct job *job)
{
	if (job->worker)
		worker_cancel_job(job->worker);
	else
		RB_REMOVE(job_queue, &pool->queue, job);
	pool_kick(pool); /* a job that had to wait for this one may start now */
}
