/*
 * Undoes the filters of PNG (ISO/IEC 15948, 9) in a row, in place. Knows no pixels, only their
 * size in bytes.
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
 * Undoes a filter. A pixel has 1 to 4 bytes; size is a multiple of that, and not 0. prior is the
 * row before, all 0 for the first row. Touches no byte outside of the two rows.
 */
void png_unfilter(
	enum png_filter filter, uint8_t *row, const uint8_t *prior, size_t size, unsigned pixel);

/* The same byte by byte, for other processors, and for tests to compare with. */
void png_unfilter_bytes(
	enum png_filter filter, uint8_t *row, const uint8_t *prior, size_t size, unsigned pixel);

/* As png_unfilter_bytes(), from the start of a pixel on. The bytes before are done already. */
void png_unfilter_from(enum png_filter filter, uint8_t *row, const uint8_t *prior, size_t from,
	size_t size, unsigned pixel);
