/*
 * A strip: a few rows of pixels, or parts of rows, on the way from a codec to the target.
 * Owns nothing.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "daemon/decoder/pixel/row.h"

enum { STRIP_ROWS = 16 }; /* at most, in one strip */

/* rows x count pixels of a picture as a codec delivers them, from (x, y) on. */
struct strip {
	const uint8_t *pixels;
	size_t pitch; /* bytes from one row to the next */
	enum row row;
	uint32_t rows; /* at most STRIP_ROWS */
	uint32_t count;
	uint32_t x, y;
	uint32_t step; /* columns from one pixel to the next: more than 1 in an interlaced pass */
};
