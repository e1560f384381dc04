/*
 * What a picture that was made smaller has to look like, worked out in double precision by the
 * plainest arithmetic: Lanczos' filter of linear light, colours weighed by their alpha.
 */
#pragma once

#include "tests/unit/expectation.h"

/* What part of a picture its samples are: all of it, or some eighths as JPEG delivers it. */
struct reduction {
	uint32_t full_width, full_height;
	unsigned eighths;
};

/*
 * Decodes a file to every format in a box, and asserts each picture. The picture is not so much
 * larger than the box that the decoder averages pixels first.
 */
void assert_reduced(struct decoder *decoder, const struct bytes *file,
	const struct expectation *expected, const struct reduction *reduction, uint32_t most_wide,
	uint32_t most_high);

/* The light of a value from 0 to 1 of sRGB's curve, and the value of a light. */
double linear_of_value(double value);
double value_of_light(double linear);
