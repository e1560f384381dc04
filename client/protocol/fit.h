/*
 * The size of a scaled-down picture: the largest size that fits into a box, has the picture's
 * aspect ratio, and is not larger than the picture.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* The maximum size of a rendition; 0: no limit. */
struct box {
	uint32_t width;
	uint32_t height;
};

/* The box that does not scale a picture. */
#define BOX_ANY ((struct box){0, 0})

/*
 * Scales *width and *height, at least 1 each, down to the size that fits into a box; 0: no
 * limit. Each is rounded to the nearest pixel and is at least 1. The result depends only on the
 * arguments. A box of the resulting size gives the same result.
 */
void fit_inside(uint32_t *width, uint32_t *height, uint32_t max_width, uint32_t max_height);

/* Whether a rendition has the size of its picture scaled down to fit into a box. */
bool fit_matches(
	uint32_t width, uint32_t height, uint32_t full_width, uint32_t full_height, struct box box);
