/*
 * The filters of PNG by SSE2, which every x86-64 has, and by AVX.
 *
 * Up adds sixteen bytes at a time. Sub is a running sum: sixteen bytes are summed in steps of
 * doubling distance (1, 2, 4, 8 pixels), and the last pixel is carried to the next sixteen.
 *
 * In Average and Paeth each pixel depends on the one to its left, so there is nothing to do in
 * parallel but the samples of one pixel. These lie in lanes of 16 bits of a register. Four pixels
 * are loaded and stored at once, and computed one after the other. The time is that of the chain
 * from one pixel to the next, so it is made as short as possible. This takes
 * shuffles and blends, which SSE2 does not have and every processor with AVX has. Pixels of one
 * byte are faster byte by byte.
 *
 * The rest of a row goes byte by byte.
 */
#include "config.h"

#include "daemon/decoder/codec/png-filter.h"

#ifdef __x86_64__
#include <immintrin.h>
#include <string.h>

#define INLINE	   static inline __attribute__((always_inline))
#define AVX_INLINE static inline __attribute__((always_inline, target("avx")))

INLINE __m128i load(const uint8_t *from)
{
	return _mm_loadu_si128((const __m128i *)(const void *)from);
}

INLINE void store(uint8_t *to, __m128i value)
{
	_mm_storeu_si128((__m128i *)(void *)to, value);
}

/* Stores the lowest bytes. */
INLINE void store8(uint8_t *to, __m128i value)
{
	_mm_storel_epi64((__m128i *)(void *)to, value);
}

INLINE void store4(uint8_t *to, __m128i value)
{
	int bytes = _mm_cvtsi128_si32(value);
	memcpy(to, &bytes, sizeof(bytes));
}

static size_t png_filter_up(uint8_t *row, const uint8_t *prior, size_t size)
{
	size_t i = 0;
	for (; i + 16 <= size; i += 16)
		store(row + i, _mm_add_epi8(load(row + i), load(prior + i)));
	return i;
}

/* ---- Sub ---- */

static size_t png_filter_sub1(uint8_t *row, size_t size)
{
	__m128i carry = _mm_setzero_si128();
	size_t i = 0;
	for (; i + 16 <= size; i += 16) {
		__m128i x = load(row + i);
		x = _mm_add_epi8(x, _mm_slli_si128(x, 1));
		x = _mm_add_epi8(x, _mm_slli_si128(x, 2));
		x = _mm_add_epi8(x, _mm_slli_si128(x, 4));
		x = _mm_add_epi8(x, _mm_slli_si128(x, 8));
		x = _mm_add_epi8(x, carry);
		store(row + i, x);
		carry = _mm_unpackhi_epi8(x, x);
		carry = _mm_shufflehi_epi16(carry, 0xff);
		carry = _mm_unpackhi_epi64(carry, carry);
	}
	return i;
}

static size_t png_filter_sub2(uint8_t *row, size_t size)
{
	__m128i carry = _mm_setzero_si128();
	size_t i = 0;
	for (; i + 16 <= size; i += 16) {
		__m128i x = load(row + i);
		x = _mm_add_epi8(x, _mm_slli_si128(x, 2));
		x = _mm_add_epi8(x, _mm_slli_si128(x, 4));
		x = _mm_add_epi8(x, _mm_slli_si128(x, 8));
		x = _mm_add_epi8(x, carry);
		store(row + i, x);
		carry = _mm_shufflehi_epi16(x, 0xff);
		carry = _mm_unpackhi_epi64(carry, carry);
	}
	return i;
}

/* Four pixels, twelve of the sixteen bytes that are loaded, at a time. */
static size_t png_filter_sub3(uint8_t *row, size_t size)
{
	const __m128i first = _mm_cvtsi32_si128(0xffffff);
	__m128i carry = _mm_setzero_si128();
	size_t i = 0;
	for (; i + 16 <= size; i += 12) {
		__m128i x = load(row + i);
		x = _mm_add_epi8(x, _mm_slli_si128(x, 3));
		x = _mm_add_epi8(x, _mm_slli_si128(x, 6));
		x = _mm_add_epi8(x, carry);
		store8(row + i, x);
		store4(row + i + 8, _mm_srli_si128(x, 8));
		carry = _mm_and_si128(_mm_srli_si128(x, 9), first);
		carry = _mm_or_si128(carry, _mm_slli_si128(carry, 3));
		carry = _mm_or_si128(carry, _mm_slli_si128(carry, 6));
	}
	return i;
}

static size_t png_filter_sub4(uint8_t *row, size_t size)
{
	__m128i carry = _mm_setzero_si128();
	size_t i = 0;
	for (; i + 16 <= size; i += 16) {
		__m128i x = load(row + i);
		x = _mm_add_epi8(x, _mm_slli_si128(x, 4));
		x = _mm_add_epi8(x, _mm_slli_si128(x, 8));
		x = _mm_add_epi8(x, carry);
		store(row + i, x);
		carry = _mm_shuffle_epi32(x, 0xff);
	}
	return i;
}

static size_t png_filter_sub(uint8_t *row, size_t size, unsigned pixel)
{
	switch (pixel) {
	case 1:
		return png_filter_sub1(row, size);
	case 2:
		return png_filter_sub2(row, size);
	case 3:
		return png_filter_sub3(row, size);
	default:
		return png_filter_sub4(row, size);
	}
}

/* ---- Average and Paeth ---- */

/* The prediction for the samples of a pixel. Paeth is computed as in png-filter.c. */
AVX_INLINE __m128i predict(enum png_filter filter, __m128i left, __m128i above, __m128i corner)
{
	if (filter == PNG_FILTER_IS_AVERAGE)
		return _mm_srli_epi16(_mm_add_epi16(left, above), 1);
	__m128i early = _mm_sub_epi16(_mm_add_epi16(corner, _mm_add_epi16(corner, corner)), above);
	/* Keeps the compiler from computing above + left first, which would lengthen the chain. */
	__asm__("" : "+x"(early));
	__m128i bound = _mm_sub_epi16(early, left);
	__m128i low = _mm_min_epi16(left, above), high = _mm_max_epi16(left, above);
	__m128i under = _mm_cmpgt_epi16(high, bound), over = _mm_cmpgt_epi16(bound, low);
	return _mm_blendv_epi8(high, _mm_blendv_epi8(low, corner, under), over);
}

/* The shuffle that moves the samples of pixel number index to lanes of 16 bits. */
AVX_INLINE __m128i lanes(int index, int pixel)
{
	const char at = (char)(index * pixel);
	const char third = (char)(pixel >= 3 ? at + 2 : -1);
	const char fourth = (char)(pixel == 4 ? at + 3 : -1);
	return _mm_setr_epi8(
		at, -1, (char)(at + 1), -1, third, -1, fourth, -1, -1, -1, -1, -1, -1, -1, -1, -1);
}

/* Stores four pixels, each in four bytes of the value. */
AVX_INLINE void store_pixels(uint8_t *to, __m128i x, unsigned pixel)
{
	if (pixel == 4) {
		store(to, x);
	} else if (pixel == 3) {
		x = _mm_shuffle_epi8(
			x, _mm_setr_epi8(0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, -1, -1, -1, -1));
		store8(to, x);
		store4(to + 8, _mm_srli_si128(x, 8));
	} else {
		store8(to, _mm_shuffle_epi8(x, _mm_setr_epi8(0, 1, 4, 5, 8, 9, 12, 13, -1, -1, -1,
						       -1, -1, -1, -1, -1)));
	}
}

/* Four pixels at a time; of three bytes, that is twelve of the sixteen bytes loaded. */
AVX_INLINE size_t run4(
	enum png_filter filter, uint8_t *row, const uint8_t *prior, size_t size, unsigned pixel)
{
	__m128i left = _mm_setzero_si128(), corner = left, made[4];
	size_t i = 0;
	for (; i + 16 <= size; i += 4 * (size_t)pixel) {
		__m128i x = load(row + i), p = load(prior + i);
		for (int k = 0; k < 4; k++) {
			const __m128i places = lanes(k, (int)pixel);
			__m128i above = _mm_shuffle_epi8(p, places);
			__m128i mean = predict(filter, left, above, corner);
			left = _mm_add_epi8(_mm_shuffle_epi8(x, places), mean);
			corner = above;
			made[k] = left;
		}
		x = _mm_packus_epi16(
			_mm_unpacklo_epi64(made[0], made[1]), _mm_unpacklo_epi64(made[2], made[3]));
		store_pixels(row + i, x, pixel);
	}
	return i;
}

#define WAITING(name, filter)                                                    \
	__attribute__((target("avx"))) static size_t name(                       \
		uint8_t *row, const uint8_t *prior, size_t size, unsigned pixel) \
	{                                                                        \
		switch (pixel) {                                                 \
		case 1:                                                          \
			return 0;                                                \
		case 2:                                                          \
			return run4(filter, row, prior, size, 2);                \
		case 3:                                                          \
			return run4(filter, row, prior, size, 3);                \
		default:                                                         \
			return run4(filter, row, prior, size, 4);                \
		}                                                                \
	}
WAITING(average, PNG_FILTER_IS_AVERAGE)
WAITING(paeth, PNG_FILTER_IS_PAETH)

/* Returns how many bytes are done: whole pixels, but for Up. */
static size_t png_filter_run(
	enum png_filter filter, uint8_t *row, const uint8_t *prior, size_t size, unsigned pixel)
{
	bool avx = __builtin_cpu_supports("avx");
	switch (filter) {
	case PNG_FILTER_IS_SUB:
		return png_filter_sub(row, size, pixel);
	case PNG_FILTER_IS_UP:
		return png_filter_up(row, prior, size);
	case PNG_FILTER_IS_AVERAGE:
		return avx ? average(row, prior, size, pixel) : 0;
	case PNG_FILTER_IS_PAETH:
		return avx ? paeth(row, prior, size, pixel) : 0;
	case PNG_FILTER_IS_NONE:
	case PNG_FILTERS:
		break;
	}
	return 0;
}

void png_unfilter(
	enum png_filter filter, uint8_t *row, const uint8_t *prior, size_t size, unsigned pixel)
{
	size_t done = png_filter_run(filter, row, prior, size, pixel);
	/* Up has no pixels: the rest need not begin with one. */
	unsigned step = filter == PNG_FILTER_IS_UP ? 1 : pixel;
	png_unfilter_from(filter, row, prior, done, size, step);
}
#endif
