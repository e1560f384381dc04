/*
 * The size of a scaled-down picture.
 */
#include "client/protocol/fit.h"

/* a x b / c, rounded to the nearest, at least 1. As b <= c, the result is at most a. */
static uint32_t fit_scale(uint32_t a, uint32_t b, uint32_t c)
{
	uint64_t scaled = ((uint64_t)a * b + c / 2) / c;
	return scaled > 0 ? (uint32_t)scaled : 1;
}

/*
 * Computes the size with the width of the box and the size with its height. At least one of the
 * two fits. If both fit, because of rounding, the larger one is taken.
 */
void fit_inside(uint32_t *width, uint32_t *height, uint32_t max_width, uint32_t max_height)
{
	uint32_t w = *width, h = *height;
	if (max_width == 0 || max_width > w)
		max_width = w;
	if (max_height == 0 || max_height > h)
		max_height = h;
	uint32_t high = fit_scale(h, max_width, w), wide = fit_scale(w, max_height, h);
	bool as_wide = high <= max_height, as_high = wide <= max_width;
	if (as_wide && as_high)
		as_wide = (uint64_t)max_width * high >= (uint64_t)wide * max_height;
	*width = as_wide ? max_width : wide;
	*height = as_wide ? high : max_height;
}

bool fit_matches(
	uint32_t width, uint32_t height, uint32_t full_width, uint32_t full_height, struct box box)
{
	fit_inside(&full_width, &full_height, box.width, box.height);
	return width == full_width && height == full_height;
}
