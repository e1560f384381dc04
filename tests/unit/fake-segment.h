/*
 * A segment and its semaphore as a daemon makes them, for tests of the library, and the
 * reply that promises it. Every one has a name of its own in /dev/shm.
 */
#pragma once

#include <stddef.h>

#include "client/protocol/header.h"

struct segment {
	char name[64];	      /* for shm_open(3) */
	char label[4096];     /* name of the image */
	struct header header; /* what lies in the segment */
	int set;	      /* of semaphores: 4 of them, the image has number 2 */
};

/*
 * Makes one of 20 x 10 RGBA8 with an ICC block "profile"; all bytes of row y are y + 1.
 * The label is plain text without spaces.
 */
void segment_make(struct segment *segment, const char *label);

/* Seals and writes the header again after a test has changed it. */
void segment_write(const struct segment *segment);

void segment_remove(struct segment *segment);

/* The reply that promises what the header holds now, '\n' included. */
void segment_tell(const struct segment *segment, char *text, size_t size);
