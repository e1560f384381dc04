/*
 * The size of a smaller form of a picture.
 * See fit.h for what it does and never does.
 */
#include "client/protocol/fit.h"

/* a x b / c, rounded to the nearest, at least 1; the result is less than a. */
static uint32_t scale(uint32_t a, uint32_t b, uint32_t c)
{
	uint64_t scaled = ((uint64_t)a * b + c / 2) / c;
	return scaled > 0 ? (uint32_t)scaled : 1;
}

void fit_inside(uint32_t *width, uint32_t *height, uint32_t most_wide, uint32_t most_high)
{
	uint32_t w = *width, h = *height;
	if (most_wide == 0 || most_wide > w)
		most_wide = w;
	if (most_high == 0 || most_high > h)
		most_high = h;
	if ((uint64_t)most_wide * h <= (uint64_t)most_high * w) {
		*width = most_wide;
		*height = scale(h, most_wide, w);
	} else {
		*width = scale(w, most_high, h);
		*height = most_high;
	}
}
