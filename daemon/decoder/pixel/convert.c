/*
 * Converts rows of pixels.
 *
 * A pixel is loaded into four numbers as wide as the source's, and stored from them. Kind of row
 * and format are constants wherever the loop is compiled, so that each pair of them becomes
 * a tight loop of its own. Rows that are in the format already are copied instead, and
 * convert_shuffle() first converts the pixels whose bytes only have to be moved.
 *
 * Colour spaces are never converted: the grey of a colour is the luma of ITU-R BT.601 of its
 * values as they are in the file.
 */
#include "config.h"

#include "daemon/decoder/pixel/convert.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "daemon/decoder/pixel/convert-shuffle.h"

#define INLINE static inline __attribute__((always_inline))

/* Values of 8 or 16 bits, as wide as those of the source. */
struct pixel {
	uint32_t red, green, blue, alpha;
};

INLINE uint32_t channel(const uint8_t *from, unsigned index, bool wide)
{
	if (!wide)
		return from[index];
	uint16_t value;
	memcpy(&value, from + index * sizeof(value), sizeof(value));
	return value;
}

INLINE struct pixel load(const uint8_t *from, unsigned channels, bool wide)
{
	struct pixel pixel;
	bool colour = channels >= 3;
	pixel.red = channel(from, 0, wide);
	pixel.green = colour ? channel(from, 1, wide) : pixel.red;
	pixel.blue = colour ? channel(from, 2, wide) : pixel.red;
	bool alpha = channels % 2 == 0;
	pixel.alpha = alpha ? channel(from, channels - 1, wide) : wide ? 65535 : 255;
	return pixel;
}

/* The nearest value of 8 bits. */
INLINE uint8_t narrow(uint32_t value, bool wide)
{
	return (uint8_t)(wide ? (value * 255 + 32895) >> 16 : value);
}

INLINE uint16_t widen(uint32_t value, bool wide)
{
	return (uint16_t)(wide ? value : value * 257);
}

/* The weights add up to 65536, so that grey stays the same; 16-bit values fit into 32 bits. */
INLINE uint32_t luma(uint32_t red, uint32_t green, uint32_t blue)
{
	return (19595 * red + 38470 * green + 7471 * blue + 0x8000) >> 16;
}

/*
 * A premultiplied value of 8 bits. Wide values are multiplied and narrowed by one division, so
 * that they are rounded once, to the nearest.
 */
INLINE uint8_t premultiply(uint32_t value, uint32_t alpha, bool wide)
{
	if (!wide)
		return (uint8_t)((value * alpha + 127) / 255);
	const uint64_t one = UINT64_C(65535) * 65535;
	return (uint8_t)(((uint64_t)value * alpha * 255 + one / 2) / one);
}

INLINE void store8(uint8_t *to, enum format format, struct pixel pixel, bool wide)
{
	if (format == FORMAT_BGRA8_PREMUL) {
		to[0] = premultiply(pixel.blue, pixel.alpha, wide);
		to[1] = premultiply(pixel.green, pixel.alpha, wide);
		to[2] = premultiply(pixel.red, pixel.alpha, wide);
		to[3] = narrow(pixel.alpha, wide);
		return;
	}
	uint8_t red = narrow(pixel.red, wide);
	uint8_t green = narrow(pixel.green, wide);
	uint8_t blue = narrow(pixel.blue, wide);
	if (format == FORMAT_GRAY8) {
		to[0] = (uint8_t)luma(red, green, blue);
		return;
	}
	to[0] = red;
	to[1] = green;
	to[2] = blue;
	if (format == FORMAT_RGBA8)
		to[3] = narrow(pixel.alpha, wide);
}

INLINE void store16(uint8_t *to, enum format format, struct pixel pixel, bool wide)
{
	const uint16_t values[4] = {widen(pixel.red, wide), widen(pixel.green, wide),
		widen(pixel.blue, wide), widen(pixel.alpha, wide)};
	if (format == FORMAT_RGBA16) {
		memcpy(to, values, sizeof(values));
		return;
	}
	uint16_t grey = (uint16_t)luma(values[0], values[1], values[2]);
	memcpy(to, &grey, sizeof(grey));
}

/* All arguments but the pointers and the count are constants in each use. */
INLINE void run(uint8_t *to, enum format format, unsigned bytes, const uint8_t *from,
	unsigned channels, bool wide, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct pixel pixel = load(from, channels, wide);
		if (format == FORMAT_RGBA16 || format == FORMAT_GRAY16)
			store16(to, format, pixel, wide);
		else
			store8(to, format, pixel, wide);
		to += bytes;
		from += channels << wide;
	}
}

INLINE void run_any(uint8_t *to, enum format format, const uint8_t *from, unsigned channels,
	bool wide, size_t count)
{
	switch (format) {
#define X(constant, number, word, bytes, fourcc)                                \
	case FORMAT_##constant:                                                 \
		run(to, FORMAT_##constant, bytes, from, channels, wide, count); \
		break;
		FORMAT_TABLE(X)
#undef X
	case FORMAT_NATIVE:
	case FORMAT_COUNT:
		break;
	}
}

int convert_is_same(enum row row, enum format format)
{
	static const enum format same[] = {
		[ROW_GRAY8] = FORMAT_GRAY8,
		[ROW_RGB8] = FORMAT_RGB8,
		[ROW_RGBA8] = FORMAT_RGBA8,
		[ROW_GRAY16] = FORMAT_GRAY16,
		[ROW_RGBA16] = FORMAT_RGBA16,
		[ROW_BGRA8_OPAQUE] = FORMAT_BGRA8_PREMUL,
	};
	return format != FORMAT_NATIVE && same[row] == format;
}

void convert_row(void *to, enum format format, const void *from, enum row row, size_t count)
{
	if (convert_is_same(row, format)) {
		memcpy(to, from, count * format_pixel_bytes(format));
		return;
	}
	size_t done = convert_shuffle(to, format, from, row, count);
	uint8_t *target = (uint8_t *)to + done * format_pixel_bytes(format);
	const uint8_t *source = from;
	count -= done;
	switch (row) {
#define X(constant, channels, wide)                                     \
	case constant:                                                  \
		source += done * (channels << wide);                    \
		run_any(target, format, source, channels, wide, count); \
		break;
		ROW_TABLE(X)
#undef X
	case ROW_BGRA8_OPAQUE:
		break;
	}
}
