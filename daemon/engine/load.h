/*
 * Loads under way: one flight for all LOADs of the same file under the same name, in the same
 * format and box, from the queue for a decoder to the published rendition. A flight without
 * passengers is cancelled. Answers its passengers by the function they gave.
 */
#pragma once

#include "daemon/decode/pool.h"
#include "daemon/engine/load-request.h"

struct load {
	struct job job; /* first: the job is the flight */
	TAILQ_ENTRY(load) link;
	struct engine *engine;
	struct load_order order;
	TAILQ_HEAD(, load_waiter) waiters;
	unsigned attempts;   /* to decode it */
	bool waits;	     /* until what was evicted for it is free */
	bool ready;	     /* decoded, but the rest of its batch is not */
	bool finishing;	     /* its waiters are being told; it frees itself then */
	int segment;	     /* -1 until the header is known */
	int origin;	     /* the segment that it is made from, or -1: the file */
	bool from_file;	     /* and from nothing else any more */
	struct charge bytes; /* for the segment, to the owner */
	struct header header;
	enum format native;
	char type[8];
	char name[];
};

/* What a decoder tells of a flight's job. */
extern const struct job_events load_events;

/* Gives back the segment that was not published, and its bytes. */
void load_discard(struct load *load);

/* Ends a flight that is in no decoder and no queue, and has no passengers. */
void load_free(struct load *load);
