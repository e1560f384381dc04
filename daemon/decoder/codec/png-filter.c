/*
 * The filters of PNG, byte by byte.
 *
 * A filter adds to each byte a prediction from the bytes to the left, above, and above left (the
 * corner). Filter and size of a pixel are constants in each loop, so that the compiler makes one
 * short loop for each pair of them.
 */
#include "config.h"

#include "daemon/decoder/codec/png-filter.h"

#include <stdlib.h>

enum { PIXEL_MAX = 4 };

#define INLINE static inline __attribute__((always_inline))

/*
 * Paeth: the one of left, above and corner that is nearest to left + above - corner; of equally
 * near ones the first. The standard compares three distances. The same result comes from where
 * 3 * corner - left - above lies: below the larger of left and above, above the smaller, or
 * between both. This has fewer steps that depend on left, for which the loop has to wait.
 */
INLINE int paeth(int left, int above, int corner)
{
	int bound = 3 * corner - above - left;
	int low = left < above ? left : above;
	int high = left < above ? above : left;
	int nearest = high > bound ? corner : low;
	return bound > low ? nearest : high;
}

INLINE int predict(enum png_filter filter, int left, int above, int corner)
{
	switch (filter) {
	case PNG_FILTER_IS_SUB:
		return left;
	case PNG_FILTER_IS_UP:
		return above;
	case PNG_FILTER_IS_AVERAGE:
		return (left + above) / 2;
	case PNG_FILTER_IS_PAETH:
		return paeth(left, above, corner);
	case PNG_FILTER_IS_NONE:
	case PNG_FILTERS:
		break;
	}
	return 0;
}

/* Filter and size of a pixel are constants in each use. left and corner stay in registers. */
INLINE void run(enum png_filter filter, uint8_t *row, const uint8_t *prior, size_t from,
	size_t size, unsigned pixel)
{
	uint8_t left[PIXEL_MAX] = {0}, corner[PIXEL_MAX] = {0};
	for (unsigned j = 0; j < pixel && from > 0; j++) {
		left[j] = row[from - pixel + j];
		corner[j] = prior[from - pixel + j];
	}
	for (size_t i = from; i < size; i += pixel) {
		for (unsigned j = 0; j < pixel; j++) {
			uint8_t above = prior[i + j];
			row[i + j] =
				(uint8_t)(row[i + j] + predict(filter, left[j], above, corner[j]));
			left[j] = row[i + j];
			corner[j] = above;
		}
	}
}

INLINE void run_filter(enum png_filter filter, uint8_t *row, const uint8_t *prior, size_t from,
	size_t size, unsigned pixel)
{
	switch (pixel) {
#define CASE(bytes)                                         \
	case bytes:                                         \
		run(filter, row, prior, from, size, bytes); \
		break;
		CASE(1)
		CASE(2)
		CASE(3)
		CASE(4)
#undef CASE
	default:
		break;
	}
}

void png_unfilter_from(enum png_filter filter, uint8_t *row, const uint8_t *prior, size_t from,
	size_t size, unsigned pixel)
{
	switch (filter) {
#define CASE(constant)                                               \
	case constant:                                               \
		run_filter(constant, row, prior, from, size, pixel); \
		break;
		CASE(PNG_FILTER_IS_SUB)
		CASE(PNG_FILTER_IS_UP)
		CASE(PNG_FILTER_IS_AVERAGE)
		CASE(PNG_FILTER_IS_PAETH)
#undef CASE
	case PNG_FILTER_IS_NONE:
	case PNG_FILTERS:
		break;
	}
}

void png_unfilter_bytes(
	enum png_filter filter, uint8_t *row, const uint8_t *prior, size_t size, unsigned pixel)
{
	png_unfilter_from(filter, row, prior, 0, size, pixel);
}

#ifndef __x86_64__
void png_unfilter(
	enum png_filter filter, uint8_t *row, const uint8_t *prior, size_t size, unsigned pixel)
{
	png_unfilter_from(filter, row, prior, 0, size, pixel);
}
#endif
