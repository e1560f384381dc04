/*
 * Writes PNG files of random samples by libpng, with what they have to look like.
 */
#pragma once

#include "tests/unit/expectation.h"

struct png_kind {
	int colour_type; /* PNG_COLOR_TYPE_ */
	int depth;
	bool interlaced;
	bool transparent; /* has tRNS */
};

/* The contents of the file besides pixels. Members that are NULL or false are left out. */
struct png_extras {
	const struct bytes *icc;
	const struct bytes *exif;
	bool exif_late; /* after the pixels */
	bool srgb;
	const struct bytes *text; /* tEXt */
};

/* The caller frees the file and ends the expectation. */
struct bytes png_write(const struct png_kind *kind, uint32_t width, uint32_t height,
	const struct png_extras *extras, struct expectation *expected);
