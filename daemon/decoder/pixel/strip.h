/*
 * Pixels on their way from a codec into a segment: a few rows, or parts of them. Owns nothing.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "daemon/decoder/pixel/convert.h"

enum { STRIP_ROWS = 16 }; /* most rows of one strip */

/* Pixels of a picture as a codec has them: rows x count, from (x, y) on. */
struct strip {
	const uint8_t *pixels;
	size_t pitch; /* bytes from a row to the next */
	enum row row;
	uint32_t rows; /* at most STRIP_ROWS */
	uint32_t count;
	uint32_t x, y;
	uint32_t step; /* from a column to the next: 1, or more in an interlaced pass */
};
