/*
 * The kinds of rows that codecs deliver. Holds the table and nothing else.
 */
#pragma once

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

/* ROW_BGRA8_OPAQUE has no alpha and fits FORMAT_BGRA8_PREMUL only. */
enum row {
#define X(constant, channels, wide) constant,
	ROW_TABLE(X)
#undef X
		ROW_BGRA8_OPAQUE,
};
