/*
 * Converts rows of sRGB samples (IEC 61966-2-1) to linear floats from 0 to 1, which can be
 * averaged, and back. Owns tables only.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LINEAR_PLANES = 4 };

/* The layout of samples in a row of pixels. */
struct linear_samples {
	unsigned channels; /* samples of a pixel, side by side */
	unsigned planes;   /* the first channels, those in use: 1, 3, or 4 with alpha last */
	bool wide;	   /* 16 bits in host order, else 8 bits */
};

/* Makes the tables. Call it before the others. */
void linear_prepare(void);

/* How a row of pixels is added to a row of floats. */
struct linear_share {
	size_t step;  /* pixels whose average becomes one float */
	float weight; /* the average is multiplied by it */
	bool first;   /* replaces the floats, else adds to them */
};

/*
 * Adds count pixels to a row of each plane. Colours of pixels with alpha are multiplied by it.
 * The last step may have fewer pixels.
 */
void linear_add(float *const planes[LINEAR_PLANES], const void *pixels,
	const struct linear_samples *samples, size_t count, struct linear_share share);

/* Stores floats as pixels, rounded to the nearest. Values below 0 become 0, above 1 become 1. */
void linear_store(void *pixels, const struct linear_samples *samples,
	const float *const planes[LINEAR_PLANES], size_t count);
