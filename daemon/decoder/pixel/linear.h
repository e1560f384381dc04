/*
 * Rows of pixels as amounts of light, which can be added up, and back: samples of the curve of
 * sRGB (IEC 61966-2-1) and linear floats from 0 to 1, a plane for each channel. Colours of
 * pixels with alpha are multiplied by it there. Owns tables alone.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LINEAR_PLANES = 4 };

/* How samples lie in a row of pixels. */
struct linear {
	unsigned channels; /* of a pixel, that lie side by side */
	unsigned planes;   /* those that are of use: 1, 3, or 4 with alpha last */
	bool wide;	   /* 16 bits in host order, else 8 */
};

/* Makes the tables. Other calls need it. */
void linear_prepare(void);

/* How a row of pixels becomes one of floats. */
struct linear_share {
	size_t step;  /* pixels that become one: their average */
	float weight; /* by which that is multiplied */
	bool first;   /* it takes the place of what is there; else it is added */
};

/* Adds the light of count pixels, the last of the steps perhaps shorter, to rows of planes. */
void linear_add(float *const planes[LINEAR_PLANES], const void *pixels, const struct linear *linear,
	size_t count, struct linear_share share);

/* Makes pixels of light, to the nearest. What is below 0 or above 1 is 0 or 1. */
void linear_store(void *pixels, const struct linear *linear,
	const float *const planes[LINEAR_PLANES], size_t count);
