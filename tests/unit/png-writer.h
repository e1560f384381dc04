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

/* What goes into the file besides pixels; members that are NULL or false do not. */
struct png_extras {
	const struct bytes *icc;
	const struct bytes *exif;
	bool exif_late; /* after the pixels */
	bool srgb;
	const struct bytes *text; /* tEXt */
};

/* The file is the caller's, to be freed; so is the expectation, to be ended. */
struct bytes png_write(const struct png_kind *kind, uint32_t width, uint32_t height,
	const struct png_extras *extras, struct expectation *expected);
