/*
 * Converts rows of pixels from what codecs deliver to the formats of segments.
 * Allocates nothing, knows no orientation, and never converts between colour spaces:
 * grey of colour is the luma of ITU-R BT.601, of the values as they are.
 */
#pragma once

#include <stddef.h>

#include "client/protocol/format.h"

/* Constant, channels, whether they are uint16_t in host order (else uint8_t). */
#define ROW_TABLE(X)                \
	X(ROW_GRAY8, 1, false)      \
	X(ROW_GRAYALPHA8, 2, false) \
	X(ROW_RGB8, 3, false)       \
	X(ROW_RGBA8, 4, false)      \
	X(ROW_GRAY16, 1, true)      \
	X(ROW_GRAYALPHA16, 2, true) \
	X(ROW_RGB16, 3, true)       \
	X(ROW_RGBA16, 4, true)

/* What a codec delivers. ROW_BGRA8_OPAQUE, without alpha, fits one format alone. */
enum row {
#define X(constant, channels, wide) constant,
	ROW_TABLE(X)
#undef X
		ROW_BGRA8_OPAQUE,
};

/* Whether rows of this kind are those of the format already. */
int convert_is_same(enum row row, enum format format);

/*
 * Converts count pixels; from and to do not overlap.
 * 8 to 16 bits is exact (times 257), 16 to 8 rounded. Alpha is dropped where the format
 * has none and the colours stay as they are; where the file has none it is opaque.
 */
void convert_row(void *to, enum format format, const void *from, enum row row, size_t count);
