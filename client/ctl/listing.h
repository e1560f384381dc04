/*
 * A table of images as the daemon lists them, for list and top. Takes no key for granted but
 * name; asks nobody.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "client/ctl/table.h"
#include "client/include/shmimg.h"

/* Columns aligned to the right: sizes and pins. */
enum { LISTING_RIGHT = 1u << 1 | 1u << 3 | 1u << 4 };

/* What a listing's rows are ranked by. */
enum listing_order {
	LISTING_BY_NAME, /* as the daemon has them */
	LISTING_BY_BYTES,
	LISTING_BY_PINS,
	LISTING_BY_AGE, /* the newest first */
};

struct listing {
	struct table table;
	enum listing_order order;
	unsigned long count;
	uint64_t bytes;
	bool more; /* images have other formats beside the one whose bytes are known */
};

/* Begins a listing with its titles; for listing_clear(). */
void listing_begin(struct listing *listing, enum listing_order order);

void listing_add(struct listing *listing, const shmimg_record *record);

void listing_clear(struct listing *listing);
