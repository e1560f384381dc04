/*
 * The daemon's reply to LOAD and FETCH, read from its line. Checks the form of each value;
 * image.c compares the values with the segment itself.
 */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "client/lib/pins.h"
#include "client/lib/public.h"
#include "client/protocol/format.h"
#include "client/protocol/wire.h"

struct image_reply {
	char segment[NAME_MAX + 1]; /* for shm_open(3) */
	uint64_t size;		    /* in bytes, as offset and stride */
	uint64_t offset;
	uint64_t stride;
	uint64_t width;
	uint64_t height;
	uint64_t format; /* enum format */
	uint64_t generation;
	uint64_t slot;
	uint64_t semaphore_id;
	uint64_t semaphore_index;
	uint64_t orientation;
	uint64_t full_width; /* of the whole picture */
	uint64_t full_height;
	int64_t owner; /* of another user's image, or SHMIMG_OWNER_SELF */
	bool cached;
};

/* The rendition that a reply pins. */
struct pinned image_reply_pinned(const struct image_reply *reply);

/* Reads a reply about the image of a name. Returns NULL, or the missing or malformed key. */
const char *image_reply_read(
	const struct wire_line *line, const char *name, struct image_reply *reply);
