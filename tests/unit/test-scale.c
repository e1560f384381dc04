/*
 * Scaling while decoding: every kind of file to every format, compared with the plainest
 * arithmetic; artefacts that must not appear; and limits.
 */
#include "config.h"

#include <png.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/exif-writer.h"
#include "tests/unit/jpeg-writer.h"
#include "tests/unit/png-writer.h"
#include "tests/unit/reduction.h"
#include "tests/unit/unit.h"

static struct decoder decoder;

static int start(void **state)
{
	(void)state;
	decoder_start(&decoder);
	return 0;
}

/* The last test: the decoder's exit status shows whether a sanitizer has found anything. */
static void decoder_ends_well(void **state)
{
	(void)state;
	assert_int_equal(decoder_stop(&decoder), 0);
}

/* ---- Files ---- */

static void reduce_png(const struct png_kind *kind, uint32_t width, uint32_t height,
	uint32_t max_width, uint32_t max_height)
{
	struct expectation expected;
	struct bytes file = png_write(kind, width, height, NULL, &expected);
	const struct reduction whole = {width, height, 8};
	assert_reduced(&decoder, &file, &expected, &whole, max_width, max_height);
	expectation_end(&expected);
	free(file.data);
}

static void png_of_every_kind(void **state)
{
	static const struct png_kind kinds[] = {
		{PNG_COLOR_TYPE_GRAY, 1, false, false},
		{PNG_COLOR_TYPE_GRAY, 8, false, false},
		{PNG_COLOR_TYPE_GRAY, 16, false, false},
		{PNG_COLOR_TYPE_GRAY, 16, true, true},
		{PNG_COLOR_TYPE_GRAY_ALPHA, 8, false, false},
		{PNG_COLOR_TYPE_GRAY_ALPHA, 16, true, false},
		{PNG_COLOR_TYPE_RGB, 8, false, false},
		{PNG_COLOR_TYPE_RGB, 8, false, true},
		{PNG_COLOR_TYPE_RGB, 16, false, false},
		{PNG_COLOR_TYPE_RGBA, 8, false, false},
		{PNG_COLOR_TYPE_RGBA, 8, true, false},
		{PNG_COLOR_TYPE_RGBA, 16, false, false},
		{PNG_COLOR_TYPE_PALETTE, 4, false, true},
		{PNG_COLOR_TYPE_PALETTE, 8, true, false},
		{PNG_COLOR_TYPE_PALETTE, 8, false, true},
	};
	static const uint32_t boxes[][2] = {{11, 0}, {0, 5}, {32, 32}, {2, 1}};
	(void)state;
	for (size_t i = 0; i < COUNT(kinds); i++) {
		for (size_t j = 0; j < COUNT(boxes); j++)
			reduce_png(&kinds[i], 33, 18, boxes[j][0], boxes[j][1]);
	}
}

/* More rows than the filter reads or makes at a time, and sizes without a common divisor. */
static void png_of_many_rows(void **state)
{
	static const struct png_kind rgb = {PNG_COLOR_TYPE_RGB, 8, false, false};
	static const struct png_kind rgba = {PNG_COLOR_TYPE_RGBA, 8, false, false};
	(void)state;
	reduce_png(&rgb, 97, 211, 0, 199);
	reduce_png(&rgba, 61, 401, 29, 0);
	reduce_png(&rgba, 211, 101, 9, 9);
}

static void png_of_one_row_or_column(void **state)
{
	static const struct png_kind rgba = {PNG_COLOR_TYPE_RGBA, 8, false, false};
	static const struct png_kind interlaced = {PNG_COLOR_TYPE_RGB, 8, true, false};
	(void)state;
	reduce_png(&rgba, 1000, 1, 100, 100);
	reduce_png(&rgba, 1, 1000, 100, 100);
	reduce_png(&interlaced, 3, 300, 0, 31);
	reduce_png(&rgba, 2, 1, 1, 1);
	reduce_png(&rgba, 1, 2, 1, 1);
}

static void every_orientation(void **state)
{
	static const struct png_kind rgba = {PNG_COLOR_TYPE_RGBA, 8, false, false};
	static const struct png_kind interlaced = {PNG_COLOR_TYPE_RGB, 8, true, false};
	const struct reduction whole = {33, 18, 8};
	(void)state;
	for (unsigned orientation = 1; orientation <= 8; orientation++) {
		struct bytes exif = exif_write(orientation, false, false);
		const struct png_extras extras = {.exif = &exif};
		struct expectation expected;
		bool odd = orientation % 2;
		struct bytes file =
			png_write(odd ? &rgba : &interlaced, 33, 18, &extras, &expected);
		expected.orientation = orientation;
		assert_reduced(&decoder, &file, &expected, &whole, 11, 13);
		expectation_end(&expected);
		free(file.data);
		free(exif.data);
	}
}

static void reduce_jpeg(
	const struct jpeg_kind *kind, unsigned orientation, uint32_t max_width, unsigned eighths)
{
	const struct reduction reduction = {163, 121, eighths};
	struct bytes exif = exif_write(orientation, false, false);
	const struct jpeg_extras extras = {.exif = &exif};
	struct bytes file = jpeg_write(kind, 163, 121, &extras);
	struct expectation expected;
	jpeg_expect_part(&file, eighths, &expected);
	expected.orientation = orientation;
	assert_reduced(&decoder, &file, &expected, &reduction, orientation < 5 ? max_width : 0,
		orientation < 5 ? 0 : max_width);
	expectation_end(&expected);
	free(file.data);
	free(exif.data);
}

/* The fewest eighths that have at least twice the wanted pixels, across and down. */
static void jpeg_by_its_transform(void **state)
{
	(void)state;
	for (const struct jpeg_kind *kind = jpeg_kinds; kind->name; kind++) {
		reduce_jpeg(kind, 1, 10, 1);
		reduce_jpeg(kind, 6, 11, 2);
		reduce_jpeg(kind, 1, 20, 2);
		reduce_jpeg(kind, 8, 41, 4);
		reduce_jpeg(kind, 1, 42, 8);
		reduce_jpeg(kind, 3, 162, 8);
	}
}

#ifdef HAVE_XPM
static void xpm_too(void **state)
{
	static const char text[] = "/* XPM */\nstatic char *a[] = {\n\"4 2 2 1\",\n"
				   "\"a c None\",\n\"b c #123456789abc\",\n"
				   "\"abba\",\n\"bbaa\"\n};\n";
	const struct bytes file = {(uint8_t *)(uintptr_t)text, sizeof(text) - 1};
	const struct reduction whole = {4, 2, 8};
	const struct sample none = {0, 0, 0, 0}, blue = {0x1234, 0x5678, 0x9abc, 65535};
	struct sample samples[] = {none, blue, blue, none, blue, blue, none, none};
	(void)state;
	struct expectation expected = {.width = 4,
		.height = 2,
		.wide = true,
		.orientation = 1,
		.native = FORMAT_RGBA8,
		.samples = samples};
	for (uint32_t format = FORMAT_RGBA16; format <= FORMAT_GRAY16; format++)
		assert_reduced(&decoder, &file, &expected, &whole, 2, 0);
}
#endif

/* ---- Artefacts ---- */

static struct bytes png_of(const uint8_t (*pixels)[4], uint32_t width, uint32_t height)
{
	png_image image = {.version = PNG_IMAGE_VERSION,
		.width = width,
		.height = height,
		.format = PNG_FORMAT_RGBA};
	png_alloc_size_t size = 0;
	assert_true(png_image_write_to_memory(&image, NULL, &size, 0, pixels, 0, NULL));
	struct bytes file = {malloc(size), 0};
	assert_non_null(file.data);
	assert_true(png_image_write_to_memory(&image, file.data, &size, 0, pixels, 0, NULL));
	file.size = size;
	return file;
}

enum { SIDE = 64 };

/* Decodes a picture of two colours, in a box. The second one is where chosen(x, y) is true. */
static void reduce_two(const uint8_t first[4], const uint8_t second[4],
	bool (*chosen)(uint32_t x, uint32_t y), enum format format, uint32_t box,
	struct outcome *outcome)
{
	static uint8_t pixels[SIDE * SIDE][4];
	for (uint32_t i = 0; i < SIDE * SIDE; i++)
		memcpy(pixels[i], chosen(i % SIDE, i / SIDE) ? second : first, 4);
	struct bytes file = png_of(pixels, SIDE, SIDE);
	const struct job_decode order = {.format = format, .width = box, .height = box};
	decoder_order(&decoder, file.data, file.size, &order, outcome);
	assert_done(outcome);
	assert_int_equal(outcome->header.width, box);
	free(file.data);
}

static bool nowhere(uint32_t x, uint32_t y)
{
	(void)x, (void)y;
	return false;
}

static bool chequered(uint32_t x, uint32_t y)
{
	return (x + y) % 2;
}

static bool right_half(uint32_t x, uint32_t y)
{
	(void)y;
	return x >= SIDE / 2;
}

static void one_colour_stays_as_it_is(void **state)
{
	(void)state;
	for (unsigned value = 0; value < 256; value++) {
		const uint8_t colour[4] = {
			(uint8_t)value, (uint8_t)(255 - value), 77, (uint8_t)(value | 1)};
		struct outcome outcome;
		reduce_two(colour, colour, nowhere, FORMAT_RGBA8, 2 + value % 62, &outcome);
		for (uint32_t i = 0; i < outcome.header.width; i++)
			assert_memory_equal(pixel_at(&outcome, i, i), colour, sizeof(colour));
		outcome_free(&outcome);
	}
}

/* The same in 16 bits: each of 65536 greys, a row of 4 pixels each, whose width is halved. */
static void one_wide_grey_stays_as_it_is(void **state)
{
	enum { ROWS = 65536 };
	(void)state;
	struct header header = {.width = 4,
		.height = ROWS,
		.format = FORMAT_GRAY16,
		.native = FORMAT_GRAY16,
		.orientation = 1,
		.type = "PNG",
		.name_length = 1};
	assert_int_equal(header_plan(&header, HEADER_SIZE), 0);
	header_seal(&header);
	struct bytes segment = {calloc(1, header.segment_size), header.segment_size};
	assert_non_null(segment.data);
	memcpy(segment.data, &header, sizeof(header));
	/* Rows are the same as far as the filter reaches: 64 of each value. */
	for (uint32_t y = 0; y < ROWS; y++) {
		uint16_t *row = (uint16_t *)(void *)(segment.data + header.pixel_offset +
						     y * header.stride);
		for (int x = 0; x < 4; x++)
			row[x] = (uint16_t)(y / 64 * 64);
	}
	const struct job_decode order = {
		.format = FORMAT_GRAY16, .width = 2, .source = JOB_SOURCE_SEGMENT};
	struct outcome outcome;
	decoder_order(&decoder, segment.data, segment.size, &order, &outcome);
	assert_done(&outcome);
	for (uint32_t y = 16; y < ROWS / 2; y += 32) {
		uint16_t value;
		memcpy(&value, pixel_at(&outcome, 0, y), sizeof(value));
		assert_int_equal(value, y / 32 * 64);
	}
	outcome_free(&outcome);
	free(segment.data);
}

/* Half of the linear value of white is 188, not 128. */
static void linear_is_averaged(void **state)
{
	static const uint8_t black[4] = {0, 0, 0, 255}, white[4] = {255, 255, 255, 255};
	(void)state;
	struct outcome outcome;
	reduce_two(black, white, chequered, FORMAT_RGB8, SIDE / 2, &outcome);
	for (uint32_t i = 0; i < SIDE / 2; i++)
		assert_in_range(*pixel_at(&outcome, i, SIDE / 4), 187, 189);
	outcome_free(&outcome);
	reduce_two(black, white, chequered, FORMAT_GRAY16, 1, &outcome);
	uint16_t value;
	memcpy(&value, pixel_at(&outcome, 0, 0), sizeof(value));
	assert_in_range(value, 48190, 48200); /* 65535 times the value of 0.5 */
	outcome_free(&outcome);
}

/* The colour of transparent pixels does not show in their neighbours. */
static void edges_of_alpha_have_no_fringe(void **state)
{
	static const uint8_t red[4] = {255, 0, 0, 255}, green[4] = {0, 255, 0, 0};
	(void)state;
	struct outcome outcome;
	reduce_two(red, green, right_half, FORMAT_RGBA8, 21, &outcome);
	unsigned between = 0;
	for (uint32_t x = 0; x < 21; x++) {
		const uint8_t *pixel = pixel_at(&outcome, x, 10);
		const uint8_t wanted[3] = {pixel[3] ? 255 : 0, 0, 0};
		assert_memory_equal(pixel, wanted, sizeof(wanted));
		between += pixel[3] > 0 && pixel[3] < 255;
	}
	assert_true(between > 0);
	outcome_free(&outcome);
	reduce_two(red, green, chequered, FORMAT_BGRA8_PREMUL, 1, &outcome);
	static const uint8_t half[4] = {0, 0, 128, 128};
	assert_memory_equal(pixel_at(&outcome, 0, 0), half, sizeof(half));
	outcome_free(&outcome);
}

/* If alpha is dropped, colours are as if there were no alpha. */
static void without_alpha_all_colours_count(void **state)
{
	static const uint8_t black[4] = {0, 0, 0, 255}, hidden[4] = {255, 255, 255, 0};
	(void)state;
	struct outcome outcome;
	reduce_two(black, hidden, chequered, FORMAT_RGB8, 1, &outcome);
	assert_in_range(*pixel_at(&outcome, 0, 0), 187, 189);
	outcome_free(&outcome);
}

/* ---- Limits ---- */

/* Pixels are averaged first: the linear mean stays the same. */
static void very_large_to_very_small(void **state)
{
	static const struct png_kind rgb = {PNG_COLOR_TYPE_RGB, 8, false, false};
	static const uint32_t sizes[][3] = {
		{1000, 700, 1}, {4001, 301, 13}, {40000, 1, 3}, {1, 40000, 7}, {301, 4001, 4}};
	(void)state;
	for (size_t i = 0; i < COUNT(sizes); i++) {
		struct expectation expected;
		struct bytes file = png_write(&rgb, sizes[i][0], sizes[i][1], NULL, &expected);
		const struct job_decode order = {
			.format = FORMAT_RGB8, .width = sizes[i][2], .height = sizes[i][2]};
		struct outcome outcome;
		decoder_order(&decoder, file.data, file.size, &order, &outcome);
		assert_done(&outcome);
		/* The linear mean of noise of all values is 0.31. */
		for (uint32_t x = 0; x < outcome.header.width; x++) {
			double linear = linear_of_value(pixel_at(&outcome, x, 0)[1] / 255.0);
			assert_true(linear > 0.29 && linear < 0.33);
		}
		outcome_free(&outcome);
		expectation_end(&expected);
		free(file.data);
	}
}

static void what_fits_is_not_touched(void **state)
{
	static const struct png_kind kinds[] = {
		{PNG_COLOR_TYPE_RGB, 8, false, false}, {PNG_COLOR_TYPE_RGBA, 16, true, false}};
	static const uint32_t boxes[][2] = {
		{33, 18}, {33, 0}, {0, 18}, {1000, 18}, {UINT32_MAX, 0}};
	(void)state;
	for (size_t i = 0; i < COUNT(kinds) * COUNT(boxes); i++) {
		const uint32_t *box = boxes[i % COUNT(boxes)];
		const struct job_decode order = {
			.format = FORMAT_RGBA8, .width = box[0], .height = box[1]};
		struct expectation expected;
		struct outcome outcome;
		struct bytes file = png_write(&kinds[i / COUNT(boxes)], 33, 18, NULL, &expected);
		decoder_order(&decoder, file.data, file.size, &order, &outcome);
		assert_picture(&outcome, &expected);
		outcome_free(&outcome);
		expectation_end(&expected);
		free(file.data);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(png_of_every_kind),
		cmocka_unit_test(png_of_many_rows),
		cmocka_unit_test(png_of_one_row_or_column),
		cmocka_unit_test(every_orientation),
		cmocka_unit_test(jpeg_by_its_transform),
#ifdef HAVE_XPM
		cmocka_unit_test(xpm_too),
#endif
		cmocka_unit_test(one_colour_stays_as_it_is),
		cmocka_unit_test(one_wide_grey_stays_as_it_is),
		cmocka_unit_test(linear_is_averaged),
		cmocka_unit_test(edges_of_alpha_have_no_fringe),
		cmocka_unit_test(without_alpha_all_colours_count),
		cmocka_unit_test(very_large_to_very_small),
		cmocka_unit_test(what_fits_is_not_touched),
		cmocka_unit_test(decoder_ends_well),
	};
	return cmocka_run_group_tests(tests, start, NULL);
}
