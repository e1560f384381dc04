/*
 * Loads under way.
 * See flight.h for what it does and never does.
 */
#include "daemon/engine/load.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/base/cleanup.h"
#include "daemon/decode/layout.h"
#include "daemon/engine/load-log.h"
#include "daemon/file/source.h"
#include "daemon/store/derivation.h"
#include "daemon/store/publish.h"

enum { ATTEMPTS_MAX = 3 };

static struct flight *load_flight_of(struct job *job)
{
	return (struct flight *)job;
}

static bool load_same_image(const struct load_order *a, const struct load_order *b)
{
	return a->owner == b->owner && strcmp(a->name, b->name) == 0;
}

static bool load_is_together(const struct flight *a, const struct flight *b)
{
	return a == b || (a->order.together && a->order.together == b->order.together);
}

/*
 * Two states of a file under one name are published in the order they were asked for. What is
 * published together has the place of its first, and never waits for what waits for that.
 */
static bool load_is_ready(const struct job *job)
{
	const struct flight *flight = (const struct flight *)job;
	const struct flight *earlier;
	const struct engine *engine = flight->engine;
	if (flight->waits && (engine->deferred_free.pending > 0 || pool_is_freeing(&engine->pool) ||
				     eviction_is_behind(&engine->store)))
		return false;
	TAILQ_FOREACH (earlier, &engine->flights, link) {
		if (load_is_together(earlier, flight))
			return true;
		if (load_same_image(&earlier->order, &flight->order) &&
			!(source_equal(&earlier->order.source, &flight->order.source) &&
				earlier->order.share == flight->order.share))
			return false;
	}
	return true;
}

void flight_discard(struct flight *flight)
{
	if (flight->segment >= 0)
		deferred_free_close(&flight->engine->deferred_free, take_fd(&flight->segment));
	store_cancel(&flight->engine->store, &flight->bytes);
}

void flight_free(struct flight *flight)
{
	flight_discard(flight);
	derivation_end(flight);
	TAILQ_REMOVE(&flight->engine->flights, flight, link);
	flight->engine->flight_count--;
	close_queue_add(flight->order.close_queue, flight->order.input);
	close_queue_leave(flight->order.close_queue);
	free(flight);
}

static void load_finish(struct engine *engine, uint64_t together);

/* Who has asked for it, the first of them; false when nobody waits any more. */
static bool load_find_client(const struct flight *flight, struct log_client *client)
{
	const struct load *load = TAILQ_FIRST(&flight->loads);
	if (load && load->session)
		*client = (struct log_client){load->session->who.uid, load->session->who.pid};
	else if (load)
		*client = (struct log_client){flight->order.owner, 0};
	return load != NULL;
}

/* Answers all passengers. An answer may pin, but never begins another load from within. */
static void load_land(
	struct flight *flight, struct rendition *rendition, enum fault fault, const char *message)
{
	struct log_client client;
	const struct log_client *known = load_find_client(flight, &client) ? &client : NULL;
	/* An answer may end a follow that waits for this, too, and what has landed goes nowhere. */
	flight->ready = false;
	if (rendition)
		load_log_loaded(known, rendition);
	else
		load_log_not_loaded(known, flight->name, fault, message);
	while (!TAILQ_EMPTY(&flight->loads)) {
		struct load *load = TAILQ_FIRST(&flight->loads);
		load->answer(load, rendition, fault, message);
		load_free(load);
	}
	struct engine *engine = flight->engine;
	uint64_t together = flight->order.together;
	flight_free(flight);
	if (!rendition && together)
		load_finish(engine, together); /* others may have waited for this one */
}

static int load_plan(struct flight *flight, const struct job_header *said)
{
	flight->native = (enum format)said->native;
	memcpy(flight->type, said->type, sizeof(flight->type));
	return layout_header(&flight->header, said, &flight->order.source, flight->order.box,
		strlen(flight->name), flight->engine->page_size);
}

static void load_land_without_room(struct flight *flight)
{
	const struct store *store = &flight->engine->store;
	char text[256];
	flight_discard(flight);
	snprintf(text, sizeof(text),
		"the image needs %" PRIu64 " bytes; of memory-max=%" PRIu64 " %" PRIu64
		" are pinned, and /dev/shm has %" PRIu64 " free",
		flight->header.segment_size, store->memory_max, store_pinned_bytes(store),
		segment_free_space());
	load_land(flight, NULL, FAULT_NO_SPACE, text);
}

/* What it means to a client that something failed with an errno. */
static enum fault load_fault_of(int error)
{
	return error == ENOSPC	  ? FAULT_NO_SPACE
	       : error == EBADMSG ? FAULT_DECODER_FAILED
				  : FAULT_BUSY;
}

static void load_land_over_quota(struct flight *flight, enum resource resource, uint64_t amount)
{
	char text[160];
	accounts_explain(&flight->engine->accounts, flight->order.owner, resource, amount, text,
		sizeof(text));
	load_land(flight, NULL, FAULT_OVER_QUOTA, text);
}

/* Takes what the segment costs. Returns false when the flight has ended. */
static bool load_reserve(struct flight *flight)
{
	const struct load_order *order = &flight->order;
	struct store *store = &flight->engine->store;
	uint64_t size = flight->header.segment_size;
	if (!publish_allows(store, order->name, order->owner)) {
		load_land_over_quota(flight, RESOURCE_IMAGES, 1);
		return false;
	}
	int r = store_reserve(store, &flight->bytes, order->owner, size);
	if (r == -EDQUOT)
		load_land_over_quota(flight, RESOURCE_BYTES, size);
	else if (r == -ENOSPC)
		load_land_without_room(flight);
	else if (r < 0)
		load_land(flight, NULL, FAULT_BUSY, strerror(-r));
	return r == 0;
}

/*
 * Checks the limits and makes the segment, or takes the decoder's spare. Returns it, or -1 when
 * the flight has ended.
 */
static int load_make_segment(
	struct flight *flight, const struct job_header *said, struct spare *spare, bool *is_spare)
{
	struct engine *engine = flight->engine;
	char text[256];
	int r = load_plan(flight, said);
	if (!layout_is_within(&flight->header, engine->options, text, sizeof(text))) {
		load_land(flight, NULL, FAULT_TOO_LARGE, text);
		return -1;
	}
	if (r < 0) {
		load_land(flight, NULL, FAULT_TOO_LARGE, "no segment can be so large");
		return -1;
	}
	if (!load_reserve(flight))
		return -1;
	flight->segment = spare_take(spare, flight->header.segment_size);
	*is_spare = flight->segment >= 0;
	if (!*is_spare)
		flight->segment = segment_create(flight->header.segment_size);
	if (flight->segment < 0) {
		snprintf(text, sizeof(text), "a segment cannot be made: %s",
			strerror(-flight->segment));
		load_land(flight, NULL, load_fault_of(-flight->segment), text);
		return -1;
	}
	return flight->segment;
}

static int load_on_header(struct job *job, const struct job_header *header, struct spare *spare,
	struct job_segment *answer)
{
	struct flight *flight = load_flight_of(job);
	bool is_spare;
	if (!layout_is_plausible(header, flight->order.format, flight->order.box)) {
		load_land(flight, NULL, FAULT_DECODER_FAILED, "the decoder gave no sense");
		return -1;
	}
	if (load_make_segment(flight, header, spare, &is_spare) < 0)
		return -1;
	answer->spare = is_spare;
	answer->size = flight->header.segment_size;
	answer->pixel_offset = flight->header.pixel_offset;
	answer->stride = flight->header.stride;
	for (uint32_t i = 0; i < flight->header.block_count; i++)
		answer->block_offsets[i] = flight->header.blocks[i].offset;
	return flight->segment;
}

/* The file changed under the decode: decode it again, or give up on one that never rests. */
static void load_retry(struct flight *flight, const struct header_source *source)
{
	flight_discard(flight);
	flight->order.source = *source;
	if (++flight->attempts == ATTEMPTS_MAX) {
		load_land(flight, NULL, FAULT_BUSY, "the file changes while it is decoded");
		return;
	}
	flight->engine->counters.decodes++;
	pool_submit(&flight->engine->pool, &flight->job);
}

/*
 * /dev/shm is full, perhaps by others, perhaps by what is being freed: tries again when that
 * is done, spares were given up and, if they were too few, something was evicted. Returns false
 * when nothing more can be done.
 */
static bool load_make_room(struct flight *flight)
{
	struct engine *engine = flight->engine;
	bool freeing = engine->deferred_free.pending > 0;
	flight_discard(flight);
	if (++flight->attempts == ATTEMPTS_MAX)
		return false;
	uint64_t size = flight->header.segment_size;
	uint64_t given_up = pool_give_up_spares(&engine->pool);
	bool evicting = given_up < size && eviction_want(&engine->store, size - given_up);
	if (!evicting && given_up == 0 && !freeing)
		return false;
	flight->waits = true;
	engine->counters.decodes++;
	pool_submit(&engine->pool, &flight->job);
	return true;
}

/* A limit that has been reached while the file was decoded: by pins, or by another load. */
static void load_land_beyond_limit(struct flight *flight, int error)
{
	const struct load_order *order = &flight->order;
	if (error == -ENOBUFS) {
		load_land_without_room(flight);
		return;
	}
	flight_discard(flight);
	if (publish_allows(&flight->engine->store, order->name, order->owner))
		load_land_over_quota(flight, RESOURCE_BYTES, flight->header.segment_size);
	else
		load_land_over_quota(flight, RESOURCE_IMAGES, 1);
}

static void load_land_beyond_renditions(struct flight *flight)
{
	char text[128];
	snprintf(text, sizeof(text),
		"the image is there in %d formats and sizes, and all of them are held; RELEASE one",
		RENDITIONS_MAX);
	load_land(flight, NULL, FAULT_OVER_QUOTA, text);
}

static void load_publish_flight(struct flight *flight)
{
	const struct load_order *order = &flight->order;
	const struct publication publication = {
		.name = flight->name,
		.owner = order->owner,
		.group = order->group,
		.share = order->share,
		.keep = order->keep,
		.native = flight->native,
		.type = flight->type,
		.fd = flight->segment,
		.bytes = &flight->bytes,
		.header = &flight->header,
	};
	struct rendition *rendition;
	int r = publish(&flight->engine->store, &publication, &rendition);
	if (r == 0)
		close(take_fd(&flight->segment));
	if (r >= 0) {
		load_land(flight, rendition, FAULT_NONE, NULL);
		return;
	}
	if (r == -EMLINK) {
		load_land_beyond_renditions(flight);
		return;
	}
	if (r == -EDQUOT || r == -ENOBUFS) {
		load_land_beyond_limit(flight, r);
		return;
	}
	load_land(flight, NULL, load_fault_of(-r),
		r == -EBADMSG ? "the decoder left the segment incomplete" : strerror(-r));
}

static bool load_has_changed(const struct flight *flight, struct header_source *source)
{
	return source_identify(flight->order.input, source) == 0 &&
	       !source_equal(source, &flight->order.source);
}

/* A flight of those that are published together; changed: whose file has changed, or NULL. */
static struct flight *load_find_together(struct engine *engine, uint64_t together, bool ready)
{
	struct flight *flight;
	TAILQ_FOREACH (flight, &engine->flights, link) {
		if (flight->order.together == together && flight->ready == ready)
			break;
	}
	return flight;
}

/* Publishes what is decoded if all of its number is: no rendition comes before another. */
static void load_finish(struct engine *engine, uint64_t together)
{
	struct header_source source;
	struct flight *flight;
	if (load_find_together(engine, together, false))
		return;
	TAILQ_FOREACH (flight, &engine->flights, link) {
		if (flight->order.together != together || !load_has_changed(flight, &source))
			continue;
		flight->ready = false;
		load_retry(flight, &source);
		return;
	}
	while ((flight = load_find_together(engine, together, true)))
		load_publish_flight(flight);
}

/* A segment was of no use: the file is, or says why not. */
static void load_decode_file(struct flight *flight)
{
	flight_discard(flight);
	flight->from_file = true;
	flight->engine->counters.decodes++;
	pool_submit(&flight->engine->pool, &flight->job);
}

static void load_on_begin(struct job *job)
{
	derivation_begin(load_flight_of(job));
}

static void load_on_end(struct job *job, enum fault fault, const char *message)
{
	struct flight *flight = load_flight_of(job);
	struct header_source source;
	bool derived = derivation_end(flight);
	flight->ready = fault == FAULT_NONE;
	if (load_has_changed(flight, &source)) {
		flight->ready = false;
		load_retry(flight, &source);
	} else if (fault == FAULT_DECODER_FAILED && derived)
		load_decode_file(flight);
	else if (fault == FAULT_NONE && flight->order.together)
		load_finish(flight->engine, flight->order.together);
	else if (fault == FAULT_NONE)
		load_publish_flight(flight);
	else if (fault != FAULT_NO_SPACE)
		load_land(flight, NULL, fault, message);
	else if (!load_make_room(flight))
		load_land_without_room(flight);
}

const struct job_events flight_events = {
	.header = load_on_header,
	.end = load_on_end,
	.ready = load_is_ready,
	.begin = load_on_begin,
};
