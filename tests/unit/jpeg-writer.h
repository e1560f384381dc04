/*
 * Writes JPEG files by libjpeg, and reads them back by libjpeg on its own for what they
 * have to look like.
 */
#pragma once

#include <stdio.h>

#include <jpeglib.h>

#include "tests/unit/expectation.h"

struct jpeg_kind {
	const char *name;
	J_COLOR_SPACE given; /* JCS_GRAYSCALE, JCS_RGB or JCS_CMYK */
	J_COLOR_SPACE space; /* in the file */
	int across, down;    /* sampling of the first component against the others */
	bool progressive;
	bool plain; /* without the Adobe marker */
	bool arithmetic;
	unsigned restart; /* interval in blocks, 0: none */
};

struct jpeg_extras {
	const struct bytes *icc;
	const struct bytes *exif;
	const struct bytes *comment;
};

/* All kinds; the last one has no name. */
extern const struct jpeg_kind jpeg_kinds[];

/* The file is the caller's, to be freed. */
struct bytes jpeg_write(const struct jpeg_kind *kind, uint32_t width, uint32_t height,
	const struct jpeg_extras *extras);

/* What libjpeg makes of a file, of some eighths of its size; to be ended. */
void jpeg_expect(const struct bytes *file, struct expectation *expected);
void jpeg_expect_part(const struct bytes *file, unsigned eighths, struct expectation *expected);
