/*
 * What a picture has to look like, worked out from its samples by the plainest arithmetic
 * and none of the decoder's own code.
 */
#pragma once

#include "tests/unit/decoder-harness.h"

/* Samples of the file, of 8 bits, or of 16 if it is wide. Alpha is 255 or 65535 if opaque. */
struct sample {
	uint16_t red, green, blue, alpha;
};

struct expectation {
	uint32_t width, height; /* before the orientation */
	bool wide;
	enum format native;
	unsigned orientation;
	struct sample *samples;
	struct sample *greys; /* what grey formats are made from; NULL: the same */
};

/* Makes room for the samples: opaque black. */
void expectation_begin(struct expectation *expected, uint32_t width, uint32_t height);
void expectation_end(struct expectation *expected);

/*
 * Makes pixel (x, y) as a segment of the format holds it, after the orientation. Returns its
 * alpha, from 0 to 1.
 */
double expectation_pixel(const struct expectation *expected, enum format format, uint32_t x,
	uint32_t y, uint8_t wanted[8]);

/* Asserts size, orientation and all pixels of a segment. */
void assert_picture(const struct outcome *outcome, const struct expectation *expected);

/* Decodes a file to every format and to native, and asserts each picture. */
void assert_all_formats(
	struct decoder *decoder, const struct bytes *file, const struct expectation *expected);
