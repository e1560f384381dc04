/*
 * The contents of top's screen: the daemon's counters, their rates, and the table of images.
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
	double rates[TOP_COUNTERS]; /* growth a second between the last two readings */
	double read_at;		    /* seconds of the monotonic clock; 0: never */
	char event[512];	    /* the last event, or "" */
	char error[512];	    /* of the last reading, or "" */
};

/*
 * Reads counters and images. Returns 0, or a negative errno of the library's and keeps the state as
 * it was.
 */
int top_read(struct top *top, shmimg_client *client, double now);

/* Shows the message of the last failed call on a client. */
void top_set_error(struct top *top, const shmimg_client *client);

/* Sets the event, from a record of WATCH. */
void top_set_event(struct top *top, const shmimg_record *event);

/* Writes at most rows lines, none wider than columns, for a terminal. */
void top_draw(const struct top *top, FILE *out, unsigned columns, unsigned rows);

void top_clear(struct top *top);
