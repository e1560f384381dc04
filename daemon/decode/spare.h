/*
 * Spares: segments that are made in advance, one for each decoder, of the size that its last large
 * image had. This file decides when a spare is made, for which image it is used, and how much
 * memory all spares take. Sending them to decoders is the worker's affair.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "daemon/config/options.h"
#include "daemon/segment/deferred-free.h"

/* The spares of all decoders. */
struct spares {
	const struct options *options;
	struct deferred_free *deferred_free; /* NULL while the daemon ends: close at once */
	uint64_t bytes;			     /* of all spares, when they are filled */
	uint64_t used;			     /* number of spares that became segments of images */
};

/* The spare of a decoder; spare_init() leaves it without a segment. */
struct spare {
	struct spares *spares;
	int fd;		 /* of the segment; -1: there is none */
	uint64_t size;	 /* of the segment; counted in bytes until spare_forget() */
	uint64_t wanted; /* size that fits the last large image; 0: there was none */
	bool due;	 /* a large image came: spare_make() checks whether to make one */
};

/* The limit for the bytes of all spares. */
uint64_t spares_max(const struct spares *spares);

void spare_init(struct spare *spare, struct spares *spares);

/*
 * Makes a segment of the wanted size, if one is due, the spare has none of this size yet, and the
 * limits allow it. Returns its descriptor, which stays the spare's, or -1.
 */
int spare_make(struct spare *spare);

/*
 * Takes the segment out of the spare, cut to size, for an image that needs size bytes. Returns the
 * descriptor, which is the caller's, or -1 if there is no segment of about this size. Also records
 * the size of the next spare.
 */
int spare_take(struct spare *spare, uint64_t size);

/* Closes the daemon's descriptor. The bytes still count: the decoder has the segment too. */
void spare_close(struct spare *spare);

/* As spare_close(), when the decoder no longer has the segment: its bytes count no more. */
void spare_forget(struct spare *spare);
