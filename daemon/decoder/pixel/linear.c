/*
 * Conversion between sRGB samples and linear floats.
 *
 * An average of sRGB samples is darker than the average of their light, so pixels are averaged
 * as linear floats. Colours are multiplied by alpha there, so that a transparent pixel adds no
 * colour, and divided by it again when they are stored.
 *
 * To linear: one look-up in a table of 256 or 65536 floats. Back to 8 bits: pow() for each
 * sample would be the slowest part of scaling, so the float is cut into one of GUESSES parts,
 * whose table entry is the sample at the start of the part, or the one below the right one. One
 * comparison with the border to the next sample decides. The borders are at least 1 / 3295 apart
 * where the curve is steepest, further than a part is wide, so that there is at most one border
 * in a part. Back to 16 bits: by powf(), for few files have 16 bits.
 */
#include "config.h"

#include "daemon/decoder/pixel/linear.h"

#include <math.h>
#include <string.h>

#define INLINE static inline __attribute__((always_inline))

enum { NARROW = 256, WIDE = 65536, GUESSES = 8192, ALPHA = 3 };

static float narrow_linear[NARROW];
static float wide_linear[WIDE];
static float borders[NARROW]; /* from which float on the next sample is nearer */
static uint8_t guesses[GUESSES + 1];

static double linear_from_srgb(double value)
{
	return value <= 0.04045 ? value / 12.92 : pow((value + 0.055) / 1.055, 2.4);
}

static float linear_to_srgb(float linear)
{
	return linear <= 0.0031308f ? linear * 12.92f : 1.055f * powf(linear, 1 / 2.4f) - 0.055f;
}

void linear_prepare(void)
{
	for (int i = 0; i < NARROW; i++) {
		narrow_linear[i] = (float)linear_from_srgb(i / 255.0);
		borders[i] = i < 255 ? (float)linear_from_srgb((i + 0.5) / 255) : INFINITY;
	}
	for (int i = 0; i < WIDE; i++)
		wide_linear[i] = (float)linear_from_srgb(i / 65535.0);
	uint8_t value = 0;
	for (int i = 0; i <= GUESSES; i++) {
		guesses[i] = value;
		while ((float)(i + 1) / GUESSES >= borders[value])
			value++;
	}
}

/* ---- To linear floats ---- */

INLINE unsigned sample(const uint8_t *pixel, unsigned channel, bool wide)
{
	if (!wide)
		return pixel[channel];
	uint16_t value;
	memcpy(&value, pixel + channel * sizeof(value), sizeof(value));
	return value;
}

INLINE float linear_sample(const uint8_t *pixel, unsigned plane, unsigned planes, bool wide)
{
	float alpha = 1;
	if (planes > ALPHA)
		alpha = (float)sample(pixel, ALPHA, wide) * (wide ? 1 / 65535.0f : 1 / 255.0f);
	if (plane == ALPHA)
		return alpha;
	return (wide ? wide_linear : narrow_linear)[sample(pixel, plane, wide)] * alpha;
}

/* One plane at a time, so that there is only one row to write to. */
INLINE void add_plane(float *to, const uint8_t *pixel, unsigned plane,
	const struct linear_samples samples, size_t count, struct linear_share share)
{
	size_t bytes = samples.channels << samples.wide;
	if (share.step == 1 && share.weight == 1) {
		for (size_t x = 0; x < count; x++, pixel += bytes)
			to[x] = linear_sample(pixel, plane, samples.planes, samples.wide);
		return;
	}
	for (; count > 0; to++) {
		size_t part = count < share.step ? count : share.step;
		float sum = 0;
		for (size_t i = 0; i < part; i++, pixel += bytes)
			sum += linear_sample(pixel, plane, samples.planes, samples.wide);
		sum *= share.weight / (float)part;
		*to = share.first ? sum : *to + sum;
		count -= part;
	}
}

/* The layouts in use: channels, planes, 16 bits. */
#define LINEAR_TABLE(X) \
	X(1, 1, false)  \
	X(3, 3, false)  \
	X(4, 4, false)  \
	X(1, 1, true)   \
	X(3, 3, true)   \
	X(4, 3, true)   \
	X(4, 4, true)

void linear_add(float *const planes[LINEAR_PLANES], const void *pixels,
	const struct linear_samples *samples, size_t count, struct linear_share share)
{
#define X(c, p, w)                                                                             \
	if (samples->channels == (c) && samples->planes == (p) && samples->wide == (w)) {      \
		_Pragma("GCC unroll 4") for (unsigned i = 0; i < (p); i++) add_plane(          \
			planes[i], pixels, i, (struct linear_samples){c, p, w}, count, share); \
	}
	LINEAR_TABLE(X)
#undef X
}

/* ---- From linear floats ---- */

/* NaN becomes 0. */
INLINE float clamp(float value)
{
	return value > 0 ? (value < 1 ? value : 1) : 0;
}

INLINE unsigned nearest(float linear, bool wide)
{
	if (wide)
		return (unsigned)(linear_to_srgb(linear) * 65535 + 0.5f);
	unsigned guess = guesses[(unsigned)(linear * GUESSES)];
	return guess + (linear >= borders[guess]);
}

INLINE void store_sample(uint8_t *pixel, unsigned channel, unsigned value, bool wide)
{
	uint16_t wide_value = (uint16_t)value;
	if (wide)
		memcpy(pixel + channel * sizeof(wide_value), &wide_value, sizeof(wide_value));
	else
		pixel[channel] = (uint8_t)value;
}

/* A pixel whose alpha is rounded to 0 gets no colour. */
INLINE void store_pixel(uint8_t *pixel, const float *const planes[LINEAR_PLANES], size_t x,
	unsigned count, bool wide)
{
	float whole = 1;
	if (count > ALPHA) {
		float max = wide ? 65535 : 255;
		float alpha = clamp(planes[ALPHA][x]);
		unsigned value = (unsigned)(alpha * max + 0.5f);
		store_sample(pixel, ALPHA, value, wide);
		whole = value > 0 ? 1 / alpha : 0;
	}
	for (unsigned i = 0; i < (count > ALPHA ? ALPHA : count); i++)
		store_sample(pixel, i, nearest(clamp(planes[i][x] * whole), wide), wide);
}

INLINE void store(uint8_t *pixel, const float *const planes[LINEAR_PLANES], unsigned count,
	bool wide, size_t pixels)
{
	for (size_t x = 0; x < pixels; x++, pixel += count << wide)
		store_pixel(pixel, planes, x, count, wide);
}

void linear_store(void *pixels, const struct linear_samples *samples,
	const float *const planes[LINEAR_PLANES], size_t count)
{
#define X(c, p, w)                                                                        \
	if (samples->channels == (c) && samples->planes == (p) && samples->wide == (w) && \
		(c) == (p))                                                               \
		store(pixels, planes, p, w, count);
	LINEAR_TABLE(X)
#undef X
}
