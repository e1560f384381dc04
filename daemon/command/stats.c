/*
 * STATS: reports the daemon's counters.
 */
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "daemon/base/clock.h"
#include "daemon/command/handlers.h"
#include "daemon/command/session.h"
#include "daemon/log/log.h"

static uint64_t stats_uptime(const struct engine *engine)
{
	return clock_now_seconds() - engine->started;
}

/* The number of users with an account, and what the client's user uses of each resource. */
static void stats_add_users(struct wire_writer *line, const struct session *session)
{
	const struct accounts *accounts = &session->engine->accounts;
	wire_add_number(line, "users", accounts->count);
	for (int i = 0; i < RESOURCE_COUNT; i++)
		wire_add_number(line, resource_to_string((enum resource)i),
			accounts_used(accounts, session->who.uid, (enum resource)i));
}

/* The limit of the client's user for each resource. */
static void stats_add_limits(struct wire_writer *line, const struct session *session)
{
	for (int i = 0; i < RESOURCE_COUNT; i++) {
		char key[32];
		snprintf(key, sizeof(key), "%s-max", resource_to_string((enum resource)i));
		wire_add_number(line, key,
			accounts_limit(
				&session->engine->accounts, session->who.uid, (enum resource)i));
	}
}

static uint64_t stats_descriptors_max(void)
{
	struct rlimit limit;
	return getrlimit(RLIMIT_NOFILE, &limit) < 0 ? 0 : limit.rlim_cur;
}

/* The parts of the decoders' sandbox; unknown before the first decoder is started. */
static void stats_add_sandbox(struct wire_writer *line, const struct pool *pool)
{
	static const struct {
		uint32_t bit;
		const char *word;
	} words[] = {
#define X(name, bit, word) {bit, word},
		JOB_SANDBOX_TABLE(X)
#undef X
	};
	char text[64] = "";
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (!(pool->sandbox & words[i].bit))
			continue;
		if (*text)
			strcat(text, ",");
		strcat(text, words[i].word);
	}
	if (!*text)
		strcpy(text, pool->started ? "none" : "unknown");
	wire_add(line, "sandbox", text);
}

static void stats_add_pressure(struct wire_writer *line, const struct engine *engine)
{
	char text[64] = "off";
	if (engine->options->memory_pressure)
		pressure_describe(&engine->pressure, text, sizeof(text));
	wire_add(line, "pressure", text);
	wire_add_number(line, "pressure-reports", engine->pressure.count);
	wire_add_number(line, "pressure-evictions", engine->eviction.pressure_count);
}

/* The memory of removed segments: freed, being freed, and still in use by programs. */
static void stats_add_freed(struct wire_writer *line, const struct deferred_free *deferred_free)
{
	wire_add_number(line, "freed-bytes", deferred_free->unlinked.freed);
	wire_add_number(line, "freeing-bytes", deferred_free->bytes);
	wire_add_number(line, "unlinked-bytes", deferred_free->unlinked.bytes);
	wire_add_number(line, "unlinked-segments", deferred_free->unlinked.count);
}

/* How long the turns of the daemon's thread took, the current one not included. */
static void stats_add_turns(struct wire_writer *line, const struct turn_times *turn_times)
{
	char text[TURN_TIMES_TEXT];
	turn_times_describe(turn_times, text);
	wire_add_number(line, "longest-turn-us", turn_times->longest);
	wire_add_number(line, "longest-turn-cpu-us", turn_times->longest_cpu);
	wire_add(line, "turns-us", text);
}

enum outcome command_stats(struct call *call)
{
	const struct engine *engine = call->session->engine;
	const struct counters *counters = &engine->counters;
	struct wire_writer *line = reply_begin(call->reply, "OK");
	wire_add_number(line, "images", engine->store.image_count);
	wire_add_number(line, "renditions", engine->store.rendition_count);
	wire_add_number(line, "bytes", engine->store.bytes);
	wire_add_number(line, "filling-bytes", engine->store.reserved);
	wire_add_number(line, "spare-bytes", engine->pool.spares.bytes);
	wire_add_number(line, "pinned-bytes", store_pinned_bytes(&engine->store));
	wire_add_number(line, "memory-max", engine->store.memory_max);
	wire_add_number(line, "free-bytes", segment_free_space());
	wire_add_number(line, "connections", counters->connections);
	wire_add_number(line, "watches", engine->store.changes.reader_count);
	wire_add_number(line, "loads", counters->loads);
	wire_add_number(line, "loading", engine->loader.count);
	wire_add_number(line, "decodes", counters->decodes);
	wire_add_number(line, "derived", counters->derived);
	wire_add_number(line, "hits", counters->hits);
	wire_add_number(line, "fetches", counters->fetches);
	wire_add_number(line, "errors", counters->errors);
	wire_add_number(line, "spares-used", engine->pool.spares.used);
	wire_add_number(line, "evictions", engine->eviction.count);
	stats_add_freed(line, &engine->deferred_free);
	wire_add_number(
		line, "files-closing", close_queues_count(&call->session->engine->close_queues));
	stats_add_pressure(line, engine);
	wire_add_number(line, "decoders", engine->pool.count);
	wire_add_number(line, "decoder-restarts", engine->pool.restarts);
	stats_add_sandbox(line, &engine->pool);
	wire_add_number(line, "descriptors-max", stats_descriptors_max());
	wire_add_number(line, "uptime", stats_uptime(engine));
	wire_add_number(line, "log-lost", log_lost());
	stats_add_turns(line, &counters->turn_times);
	stats_add_limits(line, call->session);
	stats_add_users(line, call->session);
	reply_end(call->reply);
	return OUTCOME_DONE;
}
