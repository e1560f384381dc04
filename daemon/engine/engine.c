/*
 * The engine.
 */
#include "daemon/engine/engine.h"

#include <errno.h>
#include <malloc.h>
#include <unistd.h>

#include "daemon/base/clock.h"
#include "daemon/log/log.h"
#include "daemon/segment/remains.h"
#include "daemon/store/adopt.h"
#include "daemon/store/lifetime.h"

/* Starts jobs that waited for memory. */
static void engine_on_freed(void *context)
{
	pool_kick(context);
}

/* Bytes to evict at least, so that a small rest is evicted at once. */
static const uint64_t relief_min = 1 << 20;

static void engine_end_relief(struct engine *engine)
{
	engine->relieving = false;
	malloc_trim(0);
}

/* Evicts a quarter at a time: as long as the pressure lasts, more reports will come. */
static void engine_on_pressure(void *context)
{
	struct engine *engine = context;
	uint64_t share = engine->store.evictable.bytes / 4;
	log_notice("memory is short: evicting images that no program has pinned");
	pool_retire(&engine->pool);
	engine->relieving = true;
	eviction_press(&engine->eviction, share < relief_min ? relief_min : share);
	if (!eviction_is_pending(&engine->eviction))
		engine_end_relief(engine);
}

static void engine_on_more_to_evict(void *context)
{
	const struct engine *engine = context;
	sd_event_source_set_enabled(engine->eviction_source, SD_EVENT_ONESHOT);
}

static int engine_on_eviction(sd_event_source *source, void *context)
{
	struct engine *engine = context;
	if (eviction_go_on(&engine->eviction)) {
		sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
		return 0;
	}
	pool_kick(&engine->pool); /* jobs may wait for the freed memory */
	if (engine->relieving)
		engine_end_relief(engine);
	return 0;
}

static int engine_start_eviction(struct engine *engine, sd_event *event)
{
	eviction_init(&engine->eviction, &engine->store, engine_on_more_to_evict, engine);
	int r = sd_event_add_defer(event, &engine->eviction_source, engine_on_eviction, engine);
	if (r >= 0)
		r = sd_event_source_set_enabled(engine->eviction_source, SD_EVENT_OFF);
	return r;
}

/* Adopts the images of an earlier daemon; without its board, removes them. */
static int engine_take_over(struct engine *engine, sd_event *event, bool found)
{
	int r = found ? semaphores_adopt(&engine->semaphores) : 0;
	if (r == 0)
		r = adopt(&engine->store);
	/* The limits may be lower now. */
	while (r >= 0 && eviction_go_on(&engine->eviction))
		;
	if (r > 0)
		log_write(&(struct log_entry){LOG_ENTRY(NOTICE, ADOPTED)},
			"took over %d images from the previous daemon", r);
	if (r >= 0)
		r = follows_adopt(&engine->follows);
	if (r >= 0 && engine->store.image_count > 0)
		r = attached_start(&engine->attached, event, &engine->store);
	return r < 0 ? r : 0;
}

/*
 * Takes over the board of an earlier daemon, or creates one. If the board of the earlier daemon is
 * not valid, its images cannot be adopted. Returns as board_open().
 */
static int engine_open_board(struct engine *engine)
{
	const char *instance = engine->identity->id;
	uint64_t next_generation;
	int r = board_open(&engine->board, instance);
	if (r != -EBADMSG)
		return r;
	log_warning("the board of the previous daemon is damaged or of another version, so the "
		    "daemon removes its images");
	r = remains_retire_board(instance, &next_generation);
	if (r == 0)
		r = board_open(&engine->board, instance);
	if (r >= 0)
		board_raise_generation(&engine->board, next_generation);
	return r == -EBADMSG ? -EEXIST : r;
}

int engine_start(struct engine *engine, sd_event *event, const struct options *options,
	const struct identity *identity, const char *decoder)
{
	*engine = (struct engine){
		.options = options,
		.identity = identity,
		.started = clock_now_seconds(),
		.page_size = (uint64_t)sysconf(_SC_PAGESIZE),
	};
	engine->loader = (struct loader){
		.store = &engine->store,
		.eviction = &engine->eviction,
		.pool = &engine->pool,
		.deferred_free = &engine->deferred_free,
		.accounts = &engine->accounts,
		.options = options,
		.counters = &engine->counters,
		.page_size = engine->page_size,
	};
	loader_init(&engine->loader);
	engine->follows = (struct follows){
		.loader = &engine->loader,
		.close_queues = &engine->close_queues,
		.identity = identity,
	};
	accounts_init(&engine->accounts, options->user_limits);
	int r = close_queues_init(&engine->close_queues, event);
	if (r < 0)
		return r;
	int found = engine_open_board(engine);
	if (found < 0) {
		close_queues_stop(&engine->close_queues);
		return found;
	}
	follows_init(&engine->follows, event, &engine->accounts);
	semaphores_init(
		&engine->semaphores, &engine->board, &engine->accounts, options->private_group);
	r = deferred_free_init(&engine->deferred_free, event, decoder);
	engine->deferred_free.freed = engine_on_freed;
	engine->deferred_free.context = &engine->pool;
	if (r >= 0)
		r = store_init(&engine->store, &engine->board, &engine->semaphores,
			&engine->deferred_free, &engine->accounts, identity, options->memory_max);
	if (r >= 0)
		follows_start(&engine->follows);
	if (r >= 0)
		r = pool_init(&engine->pool, event, decoder, options, &engine->deferred_free);
	if (r >= 0)
		r = engine_start_eviction(engine, event);
	if (r >= 0 && options->memory_pressure)
		r = pressure_start(&engine->pressure, event, engine_on_pressure, engine);
	if (r >= 0)
		r = engine_take_over(engine, event, found > 0);
	if (r < 0 && found > 0)
		engine_leave(engine);
	else if (r < 0)
		engine_stop(engine);
	return r;
}

bool engine_has_images(const struct engine *engine)
{
	return engine->store.image_count > 0;
}

void engine_leave(struct engine *engine)
{
	board_leave(&engine->board);
	engine_stop(engine);
}

void engine_reload(struct engine *engine)
{
	const struct options *options = engine->options;
	eviction_limit(&engine->eviction, options->memory_max);
	if (engine->pool.spares.bytes > spares_max(&engine->pool.spares))
		pool_give_up_spares(&engine->pool);
	pool_kick(&engine->pool);
}

void engine_stop(struct engine *engine)
{
	follows_stop(&engine->follows);
	attached_stop(&engine->attached);
	pressure_stop(&engine->pressure);
	engine->eviction_source = sd_event_source_disable_unref(engine->eviction_source);
	pool_stop(&engine->pool);
	deferred_free_stop(&engine->deferred_free);
	store_destroy(&engine->store);
	deferred_free_destroy(&engine->deferred_free);
	semaphores_destroy(&engine->semaphores);
	board_destroy(&engine->board);
	close_queues_stop(&engine->close_queues);
	accounts_destroy(&engine->accounts);
}
