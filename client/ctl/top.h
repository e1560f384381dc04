/*
 * What top shows: the daemon's counters and a table of images, made into a screenful of
 * text. Speaks to a client that it is given; writes to no terminal.
 */
#pragma once

#include <stdio.h>

#include "client/ctl/listing.h"
#include "client/include/shmimg.h"

/* Counters of STATS that are shown. */
enum top_counter {
	TOP_IMAGES,
	TOP_BYTES,
	TOP_PINNED,
	TOP_MEMORY_MAX,
	TOP_CONNECTIONS,
	TOP_LOADS,
	TOP_HITS,
	TOP_DECODES,
	TOP_FETCHES,
	TOP_EVICTIONS,
	TOP_ERRORS,
	TOP_LOADING,
	TOP_DECODERS,
	TOP_COUNTERS,
};

struct top {
	const char *match; /* a glob of names, or NULL */
	enum listing_order order;
	struct listing listing;
	uint64_t counters[TOP_COUNTERS];
	double rates[TOP_COUNTERS]; /* a second, of the last time between two readings */
	double read_at;		    /* seconds of the monotonic clock; 0: not yet */
	char event[512];	    /* the last one, or "" */
	char trouble[512];	    /* why there is nothing new, or "" */
};

/*
 * Asks for the present state. Returns 0 or a negative errno of the library's; what was known
 * stays then.
 */
int top_read(struct top *top, shmimg_client *client, double now);

/* Shows what the last failed call on a client said. */
void top_complain(struct top *top, const shmimg_client *client);

/* Notes an event of WATCH. */
void top_note(struct top *top, const shmimg_record *event);

/* Writes lines, at most rows, none wider than columns, with what a terminal needs between. */
void top_draw(const struct top *top, FILE *out, unsigned columns, unsigned rows);

void top_clear(struct top *top);
