/*
 * The engine: store, decoders, loads under way and counters, wired together.
 */
#pragma once

#include "daemon/config/options.h"
#include "daemon/decode/pool.h"
#include "daemon/engine/attached.h"
#include "daemon/engine/counters.h"
#include "daemon/engine/follow.h"
#include "daemon/engine/loader.h"
#include "daemon/engine/pressure.h"
#include "daemon/file/close-queue.h"
#include "daemon/store/eviction.h"
#include "daemon/store/store.h"
#include "daemon/user/account.h"

struct engine {
	const struct options *options;
	const struct identity *identity;
	uint64_t started; /* of clock_now_seconds() */
	uint64_t page_size;
	struct accounts accounts;
	struct close_queues close_queues;
	struct board board;
	struct semaphores semaphores;
	struct deferred_free deferred_free;
	struct store store;
	struct pressure pressure;
	bool relieving; /* images are being evicted under memory pressure */
	struct eviction eviction;
	sd_event_source *eviction_source; /* continues it, a few images at a time */
	struct pool pool;
	struct loader loader;
	struct follows follows;
	struct attached attached;
	struct counters counters;
};

/*
 * decoder is the path of the decoder program. All pointers stay the caller's. Returns 0, or a
 * negative errno; then the images of an earlier daemon are unchanged.
 */
int engine_start(struct engine *engine, sd_event *event, const struct options *options,
	const struct identity *identity, const char *decoder);

/* Applies options that were changed in the struct of engine_start(). */
void engine_reload(struct engine *engine);

/* Ends decoders, and removes segments, semaphores and the board. No session may be left. */
void engine_stop(struct engine *engine);

/* As engine_stop(), but leaves the images and their files for the next daemon to adopt. */
void engine_leave(struct engine *engine);

/* Whether engine_leave() would leave any images. */
bool engine_has_images(const struct engine *engine);
