/*
 * The size of a smaller form of a picture: the largest that fits inside a box, with the
 * picture's aspect, and never larger than the picture.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* The most that a form may measure; 0: as wide or as high as it likes. */
struct box {
	uint32_t width;
	uint32_t height;
};

/* The box that leaves a picture whole. */
#define BOX_ANY ((struct box){0, 0})

/*
 * Makes *width and *height, at least 1 each, those of the form that fits into a box of so
 * many pixels; 0: as wide or as high as it likes. Each is rounded to the nearest pixel and
 * is at least 1. The same numbers give the same size, always and everywhere; and a box of a
 * form's own size gives that form.
 */
void fit_inside(uint32_t *width, uint32_t *height, uint32_t most_wide, uint32_t most_high);

/* Whether a form measures what its picture does when it is fitted into a box. */
bool fit_matches(
	uint32_t width, uint32_t height, uint32_t full_width, uint32_t full_height, struct box box);
