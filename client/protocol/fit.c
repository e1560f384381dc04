/*
 * The size of a smaller form of a picture.
 */
#include "client/protocol/fit.h"

/* a x b / c, rounded to the nearest, at least 1; b is at most c, and so is the result at most a. */
static uint32_t fit_scale(uint32_t a, uint32_t b, uint32_t c)
{
	uint64_t scaled = ((uint64_t)a * b + c / 2) / c;
	return scaled > 0 ? (uint32_t)scaled : 1;
}

/*
 * As wide as the box, or as high: one of the two fits, and if both do, which is so when one is
 * rounded down to a pixel or two, the larger one.
 */
void fit_inside(uint32_t *width, uint32_t *height, uint32_t most_wide, uint32_t most_high)
{
	uint32_t w = *width, h = *height;
	if (most_wide == 0 || most_wide > w)
		most_wide = w;
	if (most_high == 0 || most_high > h)
		most_high = h;
	uint32_t high = fit_scale(h, most_wide, w), wide = fit_scale(w, most_high, h);
	bool as_wide = high <= most_high, as_high = wide <= most_wide;
	if (as_wide && as_high)
		as_wide = (uint64_t)most_wide * high >= (uint64_t)wide * most_high;
	*width = as_wide ? most_wide : wide;
	*height = as_wide ? high : most_high;
}

bool fit_matches(
	uint32_t width, uint32_t height, uint32_t full_width, uint32_t full_height, struct box box)
{
	fit_inside(&full_width, &full_height, box.width, box.height);
	return width == full_width && height == full_height;
}
