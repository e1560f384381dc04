/*
 * What a picture that was made smaller has to look like.
 */
#include "config.h"

#include "tests/unit/reduction.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "client/protocol/fit.h"
#include "tests/unit/unit.h"

enum { LOBES = 3 };

/* The largest allowed difference in samples of 8 and of 16 bits. */
enum { NARROW_TOLERANCE = 1, WIDE_TOLERANCE = 6 };

struct linear {
	double red, green, blue, alpha;
};

double linear_of_value(double value)
{
	return value <= 0.04045 ? value / 12.92 : pow((value + 0.055) / 1.055, 2.4);
}

double value_of_linear(double linear)
{
	linear = fmin(fmax(linear, 0), 1);
	return linear <= 0.0031308 ? linear * 12.92 : 1.055 * pow(linear, 1 / 2.4) - 0.055;
}

static double lanczos(double x)
{
	const double pi = 3.14159265358979323846;
	if (x == 0)
		return 1;
	if (fabs(x) >= LOBES)
		return 0;
	return LOBES * sin(pi * x) * sin(pi * x / LOBES) / (pi * pi * x * x);
}

/*
 * The sample at a place that may lie outside, where the picture is mirrored. Further away than
 * one picture, the last mirrored sample is repeated.
 */
static size_t mirrored(int64_t at, size_t count)
{
	if (at < 0)
		at = -1 - at;
	else if (at >= (int64_t)count)
		at = 2 * (int64_t)count - 1 - at;
	return at < 0 ? 0 : at >= (int64_t)count ? count - 1 : (size_t)at;
}

/* One sample of `to`, made of an extent of count samples that are step apart. */
static struct linear filter(const struct linear *from, size_t count, size_t step, double extent,
	uint32_t to, uint32_t at)
{
	double ratio = extent / to, wider = fmax(ratio, 1);
	double centre = (at + 0.5) * ratio;
	struct linear sum = {0};
	double weights = 0;
	for (int64_t i = (int64_t)floor(centre - LOBES * wider) - 1;
		i <= (int64_t)ceil(centre + LOBES * wider); i++) {
		double weight = lanczos(((double)i + 0.5 - centre) / wider);
		const struct linear *linear = &from[mirrored(i, count) * step];
		weights += weight;
		sum.red += weight * linear->red;
		sum.green += weight * linear->green;
		sum.blue += weight * linear->blue;
		sum.alpha += weight * linear->alpha;
	}
	return (struct linear){
		sum.red / weights, sum.green / weights, sum.blue / weights, sum.alpha / weights};
}

/* The linear value of a sample, as a format weighs it. */
static struct linear linear_of(const struct sample *sample, enum format format, bool wide)
{
	double most = wide ? 65535 : 255;
	double alpha = format_has_alpha(format) ? sample->alpha / most : 1;
	if (format_is_grey(format)) {
		double scale = format == FORMAT_GRAY16 && !wide ? 257 : 1;
		double sum =
			19595.0 * sample->red + 38470.0 * sample->green + 7471.0 * sample->blue;
		double grey = floor((sum * scale + 32768) / 65536);
		grey = linear_of_value(grey / most / scale);
		return (struct linear){grey, grey, grey, 1};
	}
	return (struct linear){linear_of_value(sample->red / most) * alpha,
		linear_of_value(sample->green / most) * alpha,
		linear_of_value(sample->blue / most) * alpha, alpha};
}

static struct linear *linear_pixels_of(const struct expectation *expected, enum format format)
{
	size_t count = (size_t)expected->width * expected->height;
	struct linear *linear = calloc(count, sizeof(*linear));
	assert_non_null(linear);
	bool grey = format_is_grey(format) && expected->greys;
	for (size_t i = 0; i < count; i++)
		linear[i] = linear_of(
			grey ? &expected->greys[i] : &expected->samples[i], format, expected->wide);
	return linear;
}

static uint16_t wide_value(double value)
{
	return (uint16_t)lround(65535 * value);
}

static struct sample sample_of(struct linear linear)
{
	double alpha = fmin(fmax(linear.alpha, 0), 1);
	double whole = alpha > 0 ? 1 / alpha : 0;
	return (struct sample){wide_value(value_of_linear(linear.red * whole)),
		wide_value(value_of_linear(linear.green * whole)),
		wide_value(value_of_linear(linear.blue * whole)), wide_value(alpha)};
}

/* Makes the expectation of the smaller picture, in wide samples, in the orientation of the file. */
static void reduce(const struct expectation *expected, const struct reduction *reduction,
	enum format format, struct expectation *small)
{
	struct linear *linear = linear_pixels_of(expected, format);
	size_t width = expected->width, height = expected->height;
	double extent_x = reduction->full_width * reduction->eighths / 8.0;
	double extent_y = reduction->full_height * reduction->eighths / 8.0;
	struct linear *column = calloc(height, sizeof(*column));
	assert_non_null(column);
	for (uint32_t x = 0; x < small->width; x++) {
		for (size_t y = 0; y < height; y++)
			column[y] = filter(linear + y * width, width, 1, extent_x, small->width, x);
		for (uint32_t y = 0; y < small->height; y++)
			small->samples[(size_t)y * small->width + x] =
				sample_of(filter(column, height, 1, extent_y, small->height, y));
	}
	free(column);
	free(linear);
}

/* Whether a channel is near enough to the expected one. At low alpha colours are inexact. */
static bool is_near(long found, long wanted, bool wide, double alpha)
{
	double tolerance = wide ? WIDE_TOLERANCE : NARROW_TOLERANCE;
	return (double)labs(found - wanted) <= tolerance / fmax(alpha, 1e-3);
}

static void assert_near(
	const struct outcome *outcome, const struct expectation *small, uint32_t x, uint32_t y)
{
	enum format format = (enum format)outcome->header.format;
	const uint8_t *pixel = pixel_at(outcome, x, y);
	uint8_t wanted[8];
	double alpha = expectation_pixel(small, format, x, y, wanted);
	bool wide = format_is_wide(format);
	for (unsigned i = 0; i < format_pixel_bytes(format) >> wide; i++) {
		uint16_t pair[2] = {pixel[i], wanted[i]};
		if (wide) {
			memcpy(&pair[0], pixel + 2 * i, 2);
			memcpy(&pair[1], wanted + 2 * i, 2);
		}
		bool colour = i < 3 && format_has_alpha(format) && format != FORMAT_BGRA8_PREMUL;
		if (!is_near(pair[0], pair[1], wide, colour ? alpha : 1))
			fail_msg("%ux%u native %u %s, pixel (%u, %u), channel %u: %u, not %u, "
				 "alpha %.4f",
				outcome->header.width, outcome->header.height,
				outcome->header.native, format_to_string(format), x, y, i, pair[0],
				pair[1], alpha);
	}
}

static void assert_format(struct decoder *decoder, const struct bytes *file,
	const struct expectation *expected, const struct reduction *reduction,
	const struct job_decode *order)
{
	struct outcome outcome;
	decoder_order(decoder, file->data, file->size, order, &outcome);
	assert_done(&outcome);
	bool turned = expected->orientation >= 5;
	const struct job_header *header = &outcome.header;
	assert_int_equal(
		header->full_width, turned ? reduction->full_height : reduction->full_width);
	assert_int_equal(
		header->full_height, turned ? reduction->full_width : reduction->full_height);
	assert_int_equal(header->orientation, expected->orientation);
	struct expectation small;
	expectation_begin(&small, turned ? header->height : header->width,
		turned ? header->width : header->height);
	small.wide = true;
	small.orientation = expected->orientation;
	reduce(expected, reduction, (enum format)header->format, &small);
	for (uint32_t y = 0; y < header->height; y++) {
		for (uint32_t x = 0; x < header->width; x++)
			assert_near(&outcome, &small, x, y);
	}
	expectation_end(&small);
	outcome_free(&outcome);
}

void assert_reduced(struct decoder *decoder, const struct bytes *file,
	const struct expectation *expected, const struct reduction *reduction, uint32_t max_width,
	uint32_t max_height)
{
	for (uint32_t format = FORMAT_NATIVE; format < FORMAT_COUNT; format++) {
		const struct job_decode order = {
			.format = format, .width = max_width, .height = max_height};
		assert_format(decoder, file, expected, reduction, &order);
	}
}
