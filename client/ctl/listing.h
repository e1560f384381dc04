/*
 * A listing: the table of images for list and top, made from the daemon's records. Any key but
 * "name" may be missing.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "client/ctl/table.h"
#include "client/include/shmimg.h"

/* Columns aligned to the right: sizes and pins. */
enum { LISTING_RIGHT = 1u << 1 | 1u << 3 | 1u << 4 };

/* How the rows are sorted. */
enum listing_order {
	LISTING_BY_NAME, /* the order of the daemon */
	LISTING_BY_BYTES,
	LISTING_BY_PINS,
	LISTING_BY_AGE, /* the newest first */
};

struct listing {
	struct table table;
	enum listing_order order;
	unsigned long count;
	uint64_t bytes;
	bool more; /* images have other formats, whose bytes are not known */
};

/* Starts a listing with its titles. Free it with listing_clear(). */
void listing_begin(struct listing *listing, enum listing_order order);

void listing_add(struct listing *listing, const shmimg_record *record);

void listing_clear(struct listing *listing);
