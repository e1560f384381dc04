/*
 * The filters of PNG (ISO/IEC 15948, 9): makes bytes of a row from what the file says of
 * them and the row before, in place. Knows no pixels, only how many bytes one of them has.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum png_filter {
	PNG_FILTER_IS_NONE,
	PNG_FILTER_IS_SUB,
	PNG_FILTER_IS_UP,
	PNG_FILTER_IS_AVERAGE,
	PNG_FILTER_IS_PAETH,
	PNG_FILTERS,
};

/*
 * Undoes a filter. A pixel has 1 to 4 bytes; size is a multiple of them, and not 0. The row
 * before the first is all 0. Neither touches a byte outside of the two rows.
 */
void png_unfilter(
	enum png_filter filter, uint8_t *row, const uint8_t *prior, size_t size, unsigned pixel);

/* The same byte by byte, for processors without an own way, and to compare that with. */
void png_unfilter_bytes(
	enum png_filter filter, uint8_t *row, const uint8_t *prior, size_t size, unsigned pixel);

/* As png_unfilter_bytes() for the bytes from the start of a pixel on, those before being made. */
void png_unfilter_from(enum png_filter filter, uint8_t *row, const uint8_t *prior, size_t from,
	size_t size, unsigned pixel);
