/*
 * Spares: the segments that decoders will need next, if what comes next is as large as what
 * came last. Each decoder is given one when it has done a job, fills it with pages while it has
 * nothing to do, and decodes into it what fits. Nameless until then, as all segments; never of
 * another user's decoder, and none is given twice. Says how much there may be of them, and
 * knows nothing of processes: the daemon believes its own descriptor alone.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "daemon/config/options.h"
#include "daemon/segment/deferred-free.h"

/* Of all decoders. */
struct spares {
	const struct options *options;
	struct deferred_free *deferred_free; /* NULL at the end, when this thread may wait */
	uint64_t bytes;			     /* that spares take, or will when they are filled */
	uint64_t used;			     /* how many became images' segments */
};

/* Of a decoder. One that was initialized by spare_init() is none yet. */
struct spare {
	struct spares *spares;
	int fd;		 /* -1: there is none */
	uint64_t size;	 /* of it; counted until spare_forget() */
	uint64_t wanted; /* what would have been of use to the last large image; 0: not known */
	bool due;	 /* there may be another one */
};

/* How many bytes all spares together may take. */
uint64_t spares_most(const struct spares *spares);

void spare_init(struct spare *spare, struct spares *spares);

/*
 * Makes a spare, if one of another size or none is there, and there may be more. Returns its
 * descriptor, which stays the spare's, or -1.
 */
int spare_make(struct spare *spare);

/*
 * Takes it for an image's segment of this size, if it is about as large, and cuts it to that.
 * Returns the descriptor, which is the caller's, or -1; notes what to make next.
 */
int spare_take(struct spare *spare, uint64_t size);

/* Lets go of it on the daemon's side; what the decoder has of it still counts. */
void spare_close(struct spare *spare);

/* As spare_close(), when the decoder has none of it any more. */
void spare_forget(struct spare *spare);
