/*
 * The expected result of scaling a picture, computed in double precision by the plainest
 * arithmetic: a Lanczos filter of linear values, with colours weighted by alpha.
 */
#pragma once

#include "tests/unit/expectation.h"

/* The part of a picture that a codec delivers: all of it, or some eighths. */
struct reduction {
	uint32_t full_width, full_height;
	unsigned eighths;
};

/*
 * Decodes a file to every format in a box, and asserts each picture. The picture must not be so
 * large that the decoder averages pixels first.
 */
void assert_reduced(struct decoder *decoder, const struct bytes *file,
	const struct expectation *expected, const struct reduction *reduction, uint32_t max_width,
	uint32_t max_height);

/* From a value of sRGB, 0 to 1, to the linear value, and back. */
double linear_of_value(double value);
double value_of_linear(double linear);
