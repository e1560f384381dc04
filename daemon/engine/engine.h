/*
 * The side of the daemon that knows images: store, decoders, loads under way and counters,
 * wired together. Knows nothing of sockets and connections.
 */
#pragma once

#include "daemon/config/options.h"
#include "daemon/decode/pool.h"
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
	const char *instance;
	uint64_t started; /* of clock_now_seconds() */
	uint64_t page_size;
	struct accounts accounts;
	struct close_queues close_queues;
	struct board board;
	struct semaphores semaphores;
	struct deferred_free deferred_free;
	struct store store;
	struct pressure pressure;
	bool relieving; /* until eviction under pressure is done */
	struct eviction eviction;
	sd_event_source *eviction_source; /* goes on with it, a few images at a time */
	struct pool pool;
	struct loader loader;
	struct follows follows;
	struct counters counters;
};

/*
 * decoder is the program's path; all strings stay the caller's. Returns 0, or a negative errno:
 * then what an earlier daemon has left is there still.
 */
int engine_start(struct engine *engine, sd_event *event, const struct options *options,
	const char *instance, const char *decoder);

/* Puts changed options into force: in the same struct that engine_start() was given. */
void engine_reload(struct engine *engine);

/* Ends decoders, and removes segments, semaphores and the board. No session may be left. */
void engine_stop(struct engine *engine);

/* As engine_stop(), but all that a crash would leave stays, for the next daemon to adopt. */
void engine_leave(struct engine *engine);

/* Whether there is anything that engine_leave() would leave for some use. */
bool engine_has_images(const struct engine *engine);
