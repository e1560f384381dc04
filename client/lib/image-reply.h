/*
 * What the daemon promises in its reply to LOAD and FETCH, read from the line; image.c
 * holds it against what is mapped. Believes nothing beyond its form.
 */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "client/lib/pins.h"
#include "client/protocol/format.h"
#include "client/protocol/wire.h"

struct image_reply {
	char segment[NAME_MAX + 1]; /* for shm_open(3) */
	uint64_t size;		    /* bytes, as all below that are not said otherwise */
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
	bool cached;
};

/* What a reply says is pinned. */
struct pinned image_reply_pinned(const struct image_reply *reply);

/* Reads a reply about an image. Returns NULL, or the key that is missing or malformed. */
const char *image_reply_read(
	const struct wire_line *line, const char *name, struct image_reply *reply);
