/*
 * What a picture has to look like.
 */
#include "config.h"

#include "tests/unit/expectation.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/unit.h"

void expectation_begin(struct expectation *expected, uint32_t width, uint32_t height)
{
	*expected = (struct expectation){.width = width,
		.height = height,
		.orientation = 1,
		.native = FORMAT_RGB8,
		.samples = calloc((size_t)width * height, sizeof(struct sample))};
	assert_non_null(expected->samples);
	for (size_t i = 0; i < (size_t)width * height; i++)
		expected->samples[i].alpha = 255;
}

void expectation_end(struct expectation *expected)
{
	free(expected->samples);
	free(expected->greys);
}

/* Where a pixel of the oriented picture was in the file: TIFF 6.0, tag 274. */
static size_t origin_of(const struct expectation *expected, uint32_t x, uint32_t y)
{
	const uint32_t right = expected->width - 1;
	const uint32_t bottom = expected->height - 1;
	switch (expected->orientation) {
	case 2:
		return (size_t)y * expected->width + (right - x);
	case 3:
		return (size_t)(bottom - y) * expected->width + (right - x);
	case 4:
		return (size_t)(bottom - y) * expected->width + x;
	case 5:
		return (size_t)x * expected->width + y;
	case 6:
		return (size_t)(bottom - x) * expected->width + y;
	case 7:
		return (size_t)(bottom - x) * expected->width + (right - y);
	case 8:
		return (size_t)x * expected->width + (right - y);
	default:
		return (size_t)y * expected->width + x;
	}
}

static unsigned to8(uint16_t value, bool wide)
{
	return wide ? (unsigned)lround(value / 257.0) : value;
}

static uint16_t to16(uint16_t value, bool wide)
{
	return wide ? value : (uint16_t)(value * 257);
}

static unsigned luma_of(unsigned red, unsigned green, unsigned blue)
{
	return (unsigned)(((uint64_t)red * 19595 + (uint64_t)green * 38470 + (uint64_t)blue * 7471 +
				  32768) /
			  65536);
}

static uint8_t times_alpha(uint16_t value, const struct sample *sample, bool wide)
{
	long double most = wide ? 65535 : 255;
	return (uint8_t)lroundl(255 * (value / most) * (sample->alpha / most));
}

static void pixel8(uint8_t *to, enum format format, const struct sample *sample, bool wide)
{
	uint8_t red = (uint8_t)to8(sample->red, wide);
	uint8_t green = (uint8_t)to8(sample->green, wide);
	uint8_t blue = (uint8_t)to8(sample->blue, wide);
	uint8_t alpha = (uint8_t)to8(sample->alpha, wide);
	const uint8_t straight[4] = {red, green, blue, alpha};
	const uint8_t multiplied[4] = {times_alpha(sample->blue, sample, wide),
		times_alpha(sample->green, sample, wide), times_alpha(sample->red, sample, wide),
		alpha};
	if (format == FORMAT_GRAY8)
		to[0] = (uint8_t)luma_of(red, green, blue);
	else if (format == FORMAT_BGRA8_PREMUL)
		memcpy(to, multiplied, 4);
	else
		memcpy(to, straight, format == FORMAT_RGB8 ? 3 : 4);
}

static void pixel16(uint8_t *to, enum format format, const struct sample *sample, bool wide)
{
	const uint16_t values[4] = {to16(sample->red, wide), to16(sample->green, wide),
		to16(sample->blue, wide), to16(sample->alpha, wide)};
	uint16_t grey = (uint16_t)luma_of(values[0], values[1], values[2]);
	if (format == FORMAT_GRAY16)
		memcpy(to, &grey, sizeof(grey));
	else
		memcpy(to, values, sizeof(values));
}

double expectation_pixel(const struct expectation *expected, enum format format, uint32_t x,
	uint32_t y, uint8_t wanted[8])
{
	bool grey = format_is_grey(format);
	const struct sample *samples =
		grey && expected->greys ? expected->greys : expected->samples;
	const struct sample *sample = &samples[origin_of(expected, x, y)];
	if (format_is_wide(format))
		pixel16(wanted, format, sample, expected->wide);
	else
		pixel8(wanted, format, sample, expected->wide);
	return sample->alpha / (expected->wide ? 65535.0 : 255.0);
}

static void assert_pixel(
	const struct outcome *outcome, const struct expectation *expected, uint32_t x, uint32_t y)
{
	enum format format = (enum format)outcome->header.format;
	uint8_t wanted[8];
	expectation_pixel(expected, format, x, y, wanted);
	if (memcmp(pixel_at(outcome, x, y), wanted, format_pixel_bytes(format)) == 0)
		return;
	print_error("%s, pixel (%u, %u)\n", format_to_string(format), x, y);
	assert_memory_equal(pixel_at(outcome, x, y), wanted, format_pixel_bytes(format));
}

void assert_picture(const struct outcome *outcome, const struct expectation *expected)
{
	assert_done(outcome);
	bool turned = expected->orientation >= 5;
	assert_int_equal(outcome->header.width, turned ? expected->height : expected->width);
	assert_int_equal(outcome->header.height, turned ? expected->width : expected->height);
	assert_int_equal(outcome->header.orientation, expected->orientation);
	assert_string_equal(format_to_string((enum format)outcome->header.native),
		format_to_string(expected->native));
	for (uint32_t y = 0; y < outcome->header.height; y++) {
		for (uint32_t x = 0; x < outcome->header.width; x++)
			assert_pixel(outcome, expected, x, y);
	}
}

void assert_all_formats(
	struct decoder *decoder, const struct bytes *file, const struct expectation *expected)
{
	for (enum format format = FORMAT_NATIVE; format < FORMAT_COUNT; format++) {
		struct outcome outcome;
		decoder_decode(decoder, file->data, file->size, format, &outcome);
		assert_picture(&outcome, expected);
		outcome_free(&outcome);
	}
}
