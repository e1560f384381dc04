/*
 * Conversions that only move bytes.
 *
 * Each pixel of the target is four bytes: bytes of one pixel of the source in some order, and
 * 255 where the source has no alpha. PSHUFB (SSSE3) moves the bytes of four pixels at once and
 * puts 0 where there is no source; an OR then makes these bytes 255. The same masks serve the
 * whole row. A load is always 16 bytes, so the last pixels of a row, up to fifteen bytes, are
 * left to the loops of convert.c: a load must not pass the end of the row.
 */
#include "config.h"

#include "daemon/decoder/pixel/convert-shuffle.h"

#ifdef __x86_64__
#include <stdbool.h>
#include <tmmintrin.h>

/* From which byte of the source pixel each of the four bytes of a pixel comes. */
struct move {
	enum row row;
	enum format format;
	unsigned bytes; /* of a source pixel */
	int8_t from[4]; /* OPAQUE: from none, it becomes 255 */
};

enum { OPAQUE = -1 };

static const struct move moves[] = {
	{ROW_GRAY8, FORMAT_RGBA8, 1, {0, 0, 0, OPAQUE}},
	{ROW_GRAY8, FORMAT_BGRA8_PREMUL, 1, {0, 0, 0, OPAQUE}},
	{ROW_GRAYALPHA8, FORMAT_RGBA8, 2, {0, 0, 0, 1}},
	{ROW_RGB8, FORMAT_RGBA8, 3, {0, 1, 2, OPAQUE}},
	{ROW_RGB8, FORMAT_BGRA8_PREMUL, 3, {2, 1, 0, OPAQUE}},
};

static const struct move *convert_shuffle_find(enum format format, enum row row)
{
	for (size_t i = 0; i < sizeof(moves) / sizeof(moves[0]); i++) {
		if (moves[i].row == row && moves[i].format == format)
			return &moves[i];
	}
	return NULL;
}

/* Uses the first 4 to 12 of the sixteen bytes that it loads. */
__attribute__((target("ssse3"))) static size_t convert_shuffle_run(
	uint8_t *to, const uint8_t *from, const struct move *move, size_t count)
{
	int8_t places[16];
	uint8_t opaque[16];
	for (int i = 0; i < 16; i++) {
		int8_t place = move->from[i % 4];
		bool has = place != OPAQUE;
		places[i] = (int8_t)(has ? place + i / 4 * (int)move->bytes : OPAQUE);
		opaque[i] = has ? 0 : 255;
	}
	const __m128i shuffle = _mm_loadu_si128((const __m128i *)(const void *)places);
	const __m128i alpha = _mm_loadu_si128((const __m128i *)(const void *)opaque);
	size_t size = count * move->bytes, step = 4 * (size_t)move->bytes, done = 0;
	for (size_t at = 0; at + 16 <= size; at += step, done += 4) {
		__m128i x = _mm_loadu_si128((const __m128i *)(const void *)(from + at));
		x = _mm_or_si128(_mm_shuffle_epi8(x, shuffle), alpha);
		_mm_storeu_si128((__m128i *)(void *)(to + done * 4), x);
	}
	return done;
}

size_t convert_shuffle(
	uint8_t *to, enum format format, const uint8_t *from, enum row row, size_t count)
{
	const struct move *move = convert_shuffle_find(format, row);
	if (!move || !__builtin_cpu_supports("ssse3"))
		return 0;
	return convert_shuffle_run(to, from, move, count);
}
#else
size_t convert_shuffle(
	uint8_t *to, enum format format, const uint8_t *from, enum row row, size_t count)
{
	(void)to;
	(void)format;
	(void)from;
	(void)row;
	(void)count;
	return 0;
}
#endif
