/*
 * A load.
 *
 * The decoder reports the header, then the end of the job. On the header the limits are checked
 * and the segment is made; at the end the segment is published, or the load is decoded again:
 * when the file has changed during the decode, when /dev/shm was full and memory was freed, or
 * when the derivation from a segment failed.
 */
#include "daemon/engine/load.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/protocol/name.h"
#include "daemon/base/cleanup.h"
#include "daemon/base/tiny.h"
#include "daemon/decode/layout.h"
#include "daemon/engine/load-log.h"
#include "daemon/file/close-queue.h"
#include "daemon/file/source.h"
#include "daemon/store/derivation.h"
#include "daemon/store/publish.h"

enum { ATTEMPTS_MAX = TINY(3, 2) };

static struct load *load_of(struct job *job)
{
	return (struct load *)job;
}

static bool load_is_same_batch(const struct load *a, const struct load *b)
{
	return a == b || (a->order.batch && a->order.batch == b->order.batch);
}

static bool load_must_wait_for_memory(const struct load *load)
{
	const struct loader *loader = load->loader;
	return load->waits &&
	       (loader->deferred_free->pending > 0 || pool_is_freeing(loader->pool) ||
		       eviction_is_pending(loader->eviction));
}

/*
 * Two states of a file under one name are published in the order in which they were requested.
 * All loads of a batch are of one image. They have the turn of their first load, so that none
 * waits for a load that itself waits for the batch.
 */
static bool load_is_ready(const struct job *job)
{
	const struct load *load = (const struct load *)job;
	if (load_must_wait_for_memory(load))
		return false;
	struct load *earlier = loader_first(load->loader, load->name, load->order.owner);
	for (; earlier; earlier = loader_next(earlier)) {
		if (load_is_same_batch(earlier, load))
			return true;
		if (!header_source_equal(&earlier->order.source, &load->order.source) ||
			earlier->order.share != load->order.share)
			return false;
	}
	return true;
}

void load_discard(struct load *load)
{
	if (load->segment >= 0)
		deferred_free_close(load->loader->deferred_free, take_fd(&load->segment));
	store_cancel(load->loader->store, &load->bytes);
}

/*
 * Closes the segment that the rendition was made from, whose image may be gone by now: this may be
 * its last descriptor. Returns whether there was one.
 */
static bool load_close_origin(struct load *load)
{
	if (load->origin < 0)
		return false;
	int origin = take_fd(&load->origin);
	if (segment_has_name(origin))
		close(origin);
	else
		deferred_free_close(load->loader->deferred_free, origin);
	return true;
}

void load_free(struct load *load)
{
	load_discard(load);
	load_close_origin(load);
	loader_remove(load->loader, load);
	close_queue_add(load->order.close_queue, load->order.input);
	close_queue_leave(load->order.close_queue);
	free(load);
}

static void load_finish_batch(struct load *any);

/* The first load of a batch, from a load on. */
static struct load *load_next_in_batch(struct load *load, uint64_t batch)
{
	while (load && load->order.batch != batch)
		load = loader_next(load);
	return load;
}

/* Another load of the same batch, or NULL. */
static struct load *load_find_rest(const struct load *load)
{
	struct load *other = loader_first(load->loader, load->name, load->order.owner);
	while ((other = load_next_in_batch(other, load->order.batch)) == load)
		other = loader_next(other);
	return load->order.batch ? other : NULL;
}

/* The client of the first waiter; NULL when there are no waiters. */
static const struct log_client *load_find_client(const struct load *load, struct log_client *client)
{
	const struct load_waiter *waiter = TAILQ_FIRST(&load->waiters);
	if (!waiter)
		return NULL;
	*client = (struct log_client){waiter->uid, waiter->pid};
	return client;
}

/* Ends a load: calls done() of all waiters, and frees it. */
static void load_finish(
	struct load *load, struct rendition *rendition, enum fault fault, const char *message)
{
	struct log_client client;
	const struct log_client *known = load_find_client(load, &client);
	struct load_waiter *waiter;
	/* A waiter's done() may end a follow, which cancels its own request for this load. */
	load->finishing = true;
	load->ready = false;
	if (rendition)
		load_log_loaded(known, rendition);
	else
		load_log_not_loaded(known, load->name, fault, message);
	while ((waiter = TAILQ_FIRST(&load->waiters))) {
		TAILQ_REMOVE(&load->waiters, waiter, link);
		charge_refund(&waiter->charge);
		waiter->done(waiter, rendition, fault, message);
	}
	/* The rest of its batch may have waited for this load. */
	struct load *rest = rendition ? NULL : load_find_rest(load);
	load_free(load);
	if (rest)
		load_finish_batch(rest);
}

static int load_plan_layout(struct load *load, const struct job_header *header)
{
	load->native = (enum format)header->native;
	memcpy(load->type, header->type, sizeof(load->type));
	return layout_header(&load->header, header, &load->order.source, load->order.box,
		strlen(load->name), load->loader->page_size);
}

static void load_fail_no_space(struct load *load)
{
	const struct store *store = load->loader->store;
	char text[256];
	load_discard(load);
	snprintf(text, sizeof(text),
		"the image needs %" PRIu64 " bytes, but %" PRIu64 " of memory-max=%" PRIu64
		" are pinned, and /dev/shm has %" PRIu64 " bytes free",
		load->header.segment_size, store_pinned_bytes(store), store->memory_max,
		segment_free_space());
	load->fields = (struct fault_fields){
		.limit = "memory-max",
		.used = store_pinned_bytes(store),
		.max = store->memory_max,
	};
	load_finish(load, NULL, FAULT_NO_SPACE, text);
}

/* The fault for an errno. */
static enum fault load_fault_of(int error)
{
	return error == ENOSPC	  ? FAULT_NO_SPACE
	       : error == EBADMSG ? FAULT_DECODER_FAILED
				  : FAULT_BUSY;
}

static void load_fail_over_quota(struct load *load, enum resource resource, uint64_t amount)
{
	char text[160];
	accounts_explain(
		load->loader->accounts, load->order.owner, resource, amount, text, sizeof(text));
	load->fields = (struct fault_fields){
		.limit = resource_to_string(resource),
		.used = accounts_used(load->loader->accounts, load->order.owner, resource),
		.max = accounts_limit(load->loader->accounts, load->order.owner, resource),
	};
	load_finish(load, NULL, FAULT_OVER_QUOTA, text);
}

/* Reserves the bytes of the segment. Returns false when the load has ended. */
static bool load_reserve(struct load *load)
{
	const struct load_order *order = &load->order;
	struct store *store = load->loader->store;
	uint64_t size = load->header.segment_size;
	if (!publish_allows(store, order->name, order->owner)) {
		load_fail_over_quota(load, RESOURCE_IMAGES, 1);
		return false;
	}
	int r = store_reserve(store, &load->bytes, order->owner, size);
	if (r == -EDQUOT)
		load_fail_over_quota(load, RESOURCE_BYTES, size);
	else if (r == -ENOSPC)
		load_fail_no_space(load);
	else if (r < 0)
		load_finish(load, NULL, FAULT_BUSY, strerror(-r));
	return r == 0;
}

/* The limit of layout_is_within() that is exceeded, and by what. */
static void load_set_size_fields(struct load *load)
{
	const struct options *options = load->loader->options;
	const struct header *header = &load->header;
	uint64_t pixels = (uint64_t)header->full_width * header->full_height;
	if (pixels > options->max_pixels)
		load->fields = (struct fault_fields){
			.limit = "max-pixels", .used = pixels, .max = options->max_pixels};
	else if (header->segment_size > options->max_bytes)
		load->fields = (struct fault_fields){.limit = "max-bytes",
			.used = header->segment_size,
			.max = options->max_bytes};
}

/*
 * Checks the limits and makes the segment, or takes the decoder's spare. Returns it, or -1 when
 * the load has ended.
 */
static int load_make_segment(
	struct load *load, const struct job_header *header, struct spare *spare, bool *is_spare)
{
	struct loader *loader = load->loader;
	char text[256];
	int r = load_plan_layout(load, header);
	if (!layout_is_within(&load->header, loader->options, text, sizeof(text))) {
		load_set_size_fields(load);
		load_finish(load, NULL, FAULT_TOO_LARGE, text);
		return -1;
	}
	if (r < 0) {
		load_finish(load, NULL, FAULT_TOO_LARGE, "the image is too large for a segment");
		return -1;
	}
	if (!load_reserve(load))
		return -1;
	load->segment = spare_take(spare, load->header.segment_size);
	*is_spare = load->segment >= 0;
	if (!*is_spare)
		load->segment = segment_create(load->header.segment_size);
	if (load->segment < 0) {
		snprintf(text, sizeof(text), "cannot create a segment: %s",
			strerror(-load->segment));
		load_finish(load, NULL, load_fault_of(-load->segment), text);
		return -1;
	}
	return load->segment;
}

static int load_on_header(struct job *job, const struct job_header *header, struct spare *spare,
	struct job_segment *answer)
{
	struct load *load = load_of(job);
	bool is_spare;
	if (!layout_is_plausible(header, load->order.format, load->order.box)) {
		load_finish(load, NULL, FAULT_DECODER_FAILED, "the decoder sent an invalid header");
		return -1;
	}
	if (load_make_segment(load, header, spare, &is_spare) < 0)
		return -1;
	answer->spare = is_spare;
	answer->size = load->header.segment_size;
	answer->pixel_offset = load->header.pixel_offset;
	answer->stride = load->header.stride;
	for (uint32_t i = 0; i < load->header.block_count; i++)
		answer->block_offsets[i] = load->header.blocks[i].offset;
	return load->segment;
}

/* The file has changed during the decode: decodes it again, a few times. */
static void load_retry(struct load *load, const struct header_source *source)
{
	load_discard(load);
	load->order.source = *source;
	if (++load->attempts == ATTEMPTS_MAX) {
		load_finish(load, NULL, FAULT_BUSY, "the file keeps changing while it is decoded");
		return;
	}
	load->loader->counters->decodes++;
	pool_submit(load->loader->pool, &load->job);
}

/*
 * /dev/shm is full. Gives up spares and, if they are too small, evicts images; tries again when
 * that memory, and all that is being freed already, is free. Returns false when nothing can be
 * freed.
 */
static bool load_make_room(struct load *load)
{
	struct loader *loader = load->loader;
	bool freeing = loader->deferred_free->pending > 0;
	load_discard(load);
	if (++load->attempts == ATTEMPTS_MAX)
		return false;
	uint64_t size = load->header.segment_size;
	uint64_t given_up = pool_give_up_spares(loader->pool);
	bool evicting = given_up < size && eviction_want(loader->eviction, size - given_up);
	if (!evicting && given_up == 0 && !freeing)
		return false;
	load->waits = true;
	loader->counters->decodes++;
	pool_submit(loader->pool, &load->job);
	return true;
}

/* A limit was reached while the file was decoded, by pins or by another load. */
static void load_fail_at_limit(struct load *load, int error)
{
	const struct load_order *order = &load->order;
	if (error == -ENOBUFS) {
		load_fail_no_space(load);
		return;
	}
	load_discard(load);
	if (publish_allows(load->loader->store, order->name, order->owner))
		load_fail_over_quota(load, RESOURCE_BYTES, load->header.segment_size);
	else
		load_fail_over_quota(load, RESOURCE_IMAGES, 1);
}

static void load_fail_at_renditions(struct load *load)
{
	char text[160];
	snprintf(text, sizeof(text),
		"the image has %d formats and sizes, and none can be replaced: programs have "
		"pinned them, or the image has keep=pinned",
		RENDITIONS_MAX);
	load->fields = (struct fault_fields){
		.limit = "renditions", .used = RENDITIONS_MAX, .max = RENDITIONS_MAX};
	load_finish(load, NULL, FAULT_OVER_QUOTA, text);
}

static void load_publish(struct load *load)
{
	const struct load_order *order = &load->order;
	const struct publication publication = {
		.name = load->name,
		.owner = order->owner,
		.group = order->group,
		.share = order->share,
		.keep = order->keep,
		.native = load->native,
		.type = load->type,
		.fd = load->segment,
		.bytes = &load->bytes,
		.header = &load->header,
	};
	struct published published;
	int r = publish(load->loader->store, &publication, &published);
	if (r == 0) {
		eviction_trim(load->loader->eviction, published.rendition);
		publish_notify(&published);
		close(take_fd(&load->segment));
	}
	if (r >= 0) {
		load_finish(load, published.rendition, FAULT_NONE, NULL);
		return;
	}
	if (r == -EMLINK) {
		load_fail_at_renditions(load);
		return;
	}
	if (r == -EUSERS) {
		load_fail_over_quota(load, RESOURCE_SETS, 1);
		return;
	}
	if (r == -EDQUOT || r == -ENOBUFS) {
		load_fail_at_limit(load, r);
		return;
	}
	load_finish(load, NULL, load_fault_of(-r),
		r == -EBADMSG ? "the decoder left the segment incomplete" : strerror(-r));
}

static bool load_has_changed(const struct load *load, struct header_source *source)
{
	return source_identify(load->order.input, source) == 0 &&
	       !header_source_equal(source, &load->order.source);
}

static struct load *load_find_ready(struct load *load, uint64_t batch)
{
	while ((load = load_next_in_batch(load, batch)) && !load->ready)
		load = loader_next(load);
	return load;
}

/* Publishes a batch. A load that fails may end others, so each is looked up anew. */
static void load_publish_batch(const struct load *any)
{
	const struct loader *loader = any->loader;
	uint64_t batch = any->order.batch;
	uid_t owner = any->order.owner;
	char name[NAME_LENGTH_MAX + 1];
	struct load *load;
	strcpy(name, any->name);
	while ((load = load_find_ready(loader_first(loader, name, owner), batch)))
		load_publish(load);
}

/* Publishes a batch when all of it is decoded: no rendition comes before another. */
static void load_finish_batch(struct load *any)
{
	struct load *first = loader_first(any->loader, any->name, any->order.owner);
	uint64_t batch = any->order.batch;
	struct header_source source;
	struct load *load;
	for (load = first; (load = load_next_in_batch(load, batch)); load = loader_next(load)) {
		if (!load->ready)
			return;
	}
	for (load = first; (load = load_next_in_batch(load, batch)); load = loader_next(load)) {
		if (!load_has_changed(load, &source))
			continue;
		load->ready = false;
		load_retry(load, &source);
		return;
	}
	load_publish_batch(any);
}

/* The segment could not be used, so the file is decoded. */
static void load_decode_file(struct load *load)
{
	load_discard(load);
	load->from_file = true;
	load->loader->counters->decodes++;
	pool_submit(load->loader->pool, &load->job);
}

/* The segment to make the rendition from; -1 stands for the file. */
static int load_open_origin(const struct load *load)
{
	const struct load_order *order = &load->order;
	const struct derivation derivation = {
		.name = order->name,
		.owner = order->owner,
		.source = &order->source,
		.format = order->format,
		.box = order->box,
	};
	int fd = load->from_file ? -1 : derivation_open(load->loader->store, &derivation);
	return fd < 0 ? -1 : fd;
}

/* Chooses the source late: a rendition that was published after the request may also serve. */
static void load_on_begin(struct job *job)
{
	struct load *load = load_of(job);
	load_close_origin(load);
	load->origin = load_open_origin(load);
	bool derived = load->origin >= 0;
	job->input = derived ? load->origin : load->order.input;
	job->source = derived ? JOB_SOURCE_SEGMENT : JOB_SOURCE_FILE;
	load->loader->counters->derived += derived;
}

static void load_on_end(struct job *job, enum fault fault, const char *message)
{
	struct load *load = load_of(job);
	struct header_source source;
	bool derived = load_close_origin(load);
	load->ready = fault == FAULT_NONE;
	if (load_has_changed(load, &source)) {
		load->ready = false;
		load_retry(load, &source);
	} else if (fault == FAULT_DECODER_FAILED && derived)
		load_decode_file(load);
	else if (fault == FAULT_NONE && load->order.batch)
		load_finish_batch(load);
	else if (fault == FAULT_NONE)
		load_publish(load);
	else if (fault != FAULT_NO_SPACE)
		load_finish(load, NULL, fault, message);
	else if (!load_make_room(load))
		load_fail_no_space(load);
}

const struct job_events load_events = {
	.header = load_on_header,
	.end = load_on_end,
	.ready = load_is_ready,
	.begin = load_on_begin,
};
