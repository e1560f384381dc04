/*
 * PNG: every colour type, depth, interlace and transparency to every format, compared with
 * the samples that were written; blocks, colour space and orientation.
 */
#include "config.h"

#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/protocol/fault.h"
#include "tests/unit/exif-writer.h"
#include "tests/unit/png-writer.h"
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

static const struct png_kind rgb8 = {PNG_COLOR_TYPE_RGB, 8, false, false};
static const struct png_kind rgba8 = {PNG_COLOR_TYPE_RGBA, 8, false, false};

/*
 * libpng's own simple reader must agree. It shares no line with the decoder. Interlaced pictures
 * of 16 bits are not compared: libpng 1.6.39-2+deb12u4 darkens them.
 */
static void assert_second_opinion(const struct bytes *file)
{
	png_image image = {.version = PNG_IMAGE_VERSION};
	assert_true(png_image_begin_read_from_memory(&image, file->data, file->size));
	image.format = PNG_FORMAT_RGBA;
	image.flags |= PNG_IMAGE_FLAG_16BIT_sRGB;
	uint8_t *pixels = malloc(PNG_IMAGE_SIZE(image));
	assert_non_null(pixels);
	assert_true(png_image_finish_read(&image, NULL, pixels, 0, NULL));
	struct outcome outcome;
	decoder_decode(&decoder, file->data, file->size, FORMAT_RGBA8, &outcome);
	assert_done(&outcome);
	for (uint32_t y = 0; y < image.height; y++)
		assert_memory_equal(pixel_at(&outcome, 0, y), pixels + (size_t)y * image.width * 4,
			(size_t)image.width * 4);
	outcome_free(&outcome);
	free(pixels);
}

static void kind_is_exact(void **state)
{
	static const uint32_t sizes[][2] = {{1, 1}, {2, 3}, {7, 5}, {33, 18}};
	const struct png_kind *kind = *state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct expectation expected;
		struct bytes file = png_write(kind, sizes[i][0], sizes[i][1], NULL, &expected);
		assert_all_formats(&decoder, &file, &expected);
		if (kind->depth < 16 || !kind->interlaced)
			assert_second_opinion(&file);
		expectation_end(&expected);
		free(file.data);
	}
}

/* Pictures with every pair of 8-bit colour and alpha, for premultiplication. */
static void every_alpha_is_premultiplied(void **state)
{
	(void)state;
	struct expectation expected;
	struct bytes file = png_write(&rgba8, 256, 256, NULL, &expected);
	assert_all_formats(&decoder, &file, &expected);
	expectation_end(&expected);
	free(file.data);
}

static void is_oriented(const struct png_kind *kind, unsigned orientation, bool late)
{
	struct bytes exif = exif_write(orientation, false, orientation % 2);
	const struct png_extras extras = {.exif = &exif, .exif_late = late};
	struct expectation expected;
	struct bytes file = png_write(kind, 19, 37, &extras, &expected);
	expected.orientation = orientation;
	assert_all_formats(&decoder, &file, &expected);
	struct outcome outcome;
	decoder_decode(&decoder, file.data, file.size, FORMAT_RGB8, &outcome);
	assert_done(&outcome);
	assert_int_equal(outcome.header.block_count, 1);
	assert_block(&outcome, 0, BLOCK_EXIF, exif.data, exif.size);
	outcome_free(&outcome);
	expectation_end(&expected);
	free(file.data);
	free(exif.data);
}

static void all_orientations(void **state)
{
	for (unsigned orientation = 1; orientation <= 8; orientation++)
		is_oriented(*state, orientation, false);
}

static void exif_after_the_pixels(void **state)
{
	for (unsigned orientation = 1; orientation <= 8; orientation++)
		is_oriented(*state, orientation, true);
}

/* The smallest profile that libpng accepts: a header and one tag. */
static struct bytes profile_of(size_t size)
{
	static const uint8_t white[] = {0, 0, 0xf6, 0xd6, 0, 1, 0, 0, 0, 0, 0xd3, 0x2d};
	struct bytes icc = {calloc(1, size), size};
	assert_non_null(icc.data);
	for (int i = 0; i < 4; i++)
		icc.data[i] = (uint8_t)(size >> (24 - 8 * i));
	icc.data[8] = 2;
	memcpy(icc.data + 12, "mntrRGB XYZ ", 12);
	memcpy(icc.data + 36, "acsp", 4);
	memcpy(icc.data + 68, white, sizeof(white));
	icc.data[131] = 1;
	memcpy(icc.data + 132, "desc", 4);
	icc.data[139] = 144;
	icc.data[143] = 16;
	uint32_t seed = 5;
	for (size_t i = 160; i < size; i++)
		icc.data[i] = (uint8_t)draw(&seed);
	return icc;
}

static void profile_is_kept(void **state)
{
	(void)state;
	struct bytes icc = profile_of(70000);
	struct bytes exif = exif_write(1, true, true);
	const struct png_extras extras = {.icc = &icc, .exif = &exif};
	struct expectation expected;
	struct bytes file = png_write(&rgb8, 9, 4, &extras, &expected);
	struct outcome outcome;
	decoder_decode(&decoder, file.data, file.size, FORMAT_RGBA8, &outcome);
	assert_picture(&outcome, &expected);
	assert_int_equal(outcome.header.colour, COLOUR_ICC);
	assert_int_equal(outcome.header.block_count, 2);
	assert_block(&outcome, 0, BLOCK_ICC, icc.data, icc.size);
	assert_block(&outcome, 1, BLOCK_EXIF, exif.data, exif.size);
	outcome_free(&outcome);
	expectation_end(&expected);
	free(file.data);
	free(icc.data);
	free(exif.data);
}

static uint32_t colour_of(const struct png_extras *extras)
{
	struct expectation expected;
	struct bytes file = png_write(&rgb8, 3, 3, extras, &expected);
	struct outcome outcome;
	decoder_decode(&decoder, file.data, file.size, FORMAT_NATIVE, &outcome);
	assert_picture(&outcome, &expected);
	assert_int_equal(outcome.header.block_count, 0);
	assert_string_equal(outcome.header.type, "PNG");
	outcome_free(&outcome);
	expectation_end(&expected);
	free(file.data);
	return outcome.header.colour;
}

static void colour_space_is_told(void **state)
{
	(void)state;
	static const struct png_extras srgb = {.srgb = true};
	assert_int_equal(colour_of(NULL), COLOUR_UNSPECIFIED);
	assert_int_equal(colour_of(&srgb), COLOUR_SRGB);
}

/* A fault in a chunk without pixels does not refuse the picture. */
static void broken_text_is_let_pass(void **state)
{
	(void)state;
	uint8_t content[] = "Comment\0shmimgd";
	struct bytes text = {content, sizeof(content)};
	const struct png_extras extras = {.text = &text};
	struct expectation expected;
	struct bytes file = png_write(&rgb8, 5, 5, &extras, &expected);
	uint8_t *at = memmem(file.data, file.size, "shmimgd", 7);
	assert_non_null(at);
	*at ^= 1;
	assert_all_formats(&decoder, &file, &expected);
	expectation_end(&expected);
	free(file.data);
}

/* Changes one byte after the name of a chunk and asserts the fault. */
static void assert_broken(const char *chunk, ptrdiff_t from_name, uint32_t fault)
{
	struct expectation expected;
	struct bytes file = png_write(&rgb8, 20, 20, NULL, &expected);
	uint8_t *at = memmem(file.data, file.size, chunk, 4);
	assert_non_null(at);
	at[from_name] ^= 0x10;
	struct outcome outcome;
	decoder_decode(&decoder, file.data, file.size, FORMAT_RGBA8, &outcome);
	assert_refused(&outcome, fault);
	expectation_end(&expected);
	free(file.data);
}

static void broken_header_is_no_image(void **state)
{
	(void)state;
	assert_broken("IHDR", 7, FAULT_NOT_AN_IMAGE);
	assert_broken("IHDR", 17, FAULT_NOT_AN_IMAGE);
}

static void broken_pixels_fail(void **state)
{
	(void)state;
	assert_broken("IDAT", 100, FAULT_NOT_AN_IMAGE);
	assert_broken("IEND", 0, FAULT_NOT_AN_IMAGE);
	assert_broken("IEND", 5, FAULT_NOT_AN_IMAGE);
}

static const int types[][2] = {
	{PNG_COLOR_TYPE_GRAY, 1},
	{PNG_COLOR_TYPE_GRAY, 2},
	{PNG_COLOR_TYPE_GRAY, 4},
	{PNG_COLOR_TYPE_GRAY, 8},
	{PNG_COLOR_TYPE_GRAY, 16},
	{PNG_COLOR_TYPE_RGB, 8},
	{PNG_COLOR_TYPE_RGB, 16},
	{PNG_COLOR_TYPE_PALETTE, 1},
	{PNG_COLOR_TYPE_PALETTE, 2},
	{PNG_COLOR_TYPE_PALETTE, 4},
	{PNG_COLOR_TYPE_PALETTE, 8},
	{PNG_COLOR_TYPE_GRAY_ALPHA, 8},
	{PNG_COLOR_TYPE_GRAY_ALPHA, 16},
	{PNG_COLOR_TYPE_RGBA, 8},
	{PNG_COLOR_TYPE_RGBA, 16},
};

enum { TYPES = sizeof(types) / sizeof(types[0]), KINDS_MAX = TYPES * 4, TESTS_MAX = 200 };

static struct png_kind kinds[KINDS_MAX];
static char names[TESTS_MAX][80];
static struct CMUnitTest tests[TESTS_MAX];
static size_t test_count;

static const char *const type_names[] = {
	[PNG_COLOR_TYPE_GRAY] = "grey",
	[PNG_COLOR_TYPE_RGB] = "RGB",
	[PNG_COLOR_TYPE_PALETTE] = "palette",
	[PNG_COLOR_TYPE_GRAY_ALPHA] = "grey+alpha",
	[PNG_COLOR_TYPE_RGBA] = "RGBA",
};

static void add(const char *what, CMUnitTestFunction function, struct png_kind *kind)
{
	char *name = names[test_count];
	if (kind)
		snprintf(name, sizeof(names[0]), "%s%d%s%s: %s", type_names[kind->colour_type],
			kind->depth, kind->transparent ? "+tRNS" : "",
			kind->interlaced ? " interlaced" : "", what);
	else
		snprintf(name, sizeof(names[0]), "%s", what);
	tests[test_count++] =
		(struct CMUnitTest){.name = name, .test_func = function, .initial_state = kind};
}

static void add_kinds(void)
{
	struct png_kind *kind = kinds;
	for (size_t i = 0; i < KINDS_MAX; i++) {
		const int *type = types[i / 4];
		bool transparent = i & 1;
		if (transparent && type[0] & PNG_COLOR_MASK_ALPHA)
			continue;
		*kind = (struct png_kind){type[0], type[1], i & 2, transparent};
		add("all formats are exact", kind_is_exact, kind);
		if (type[1] == 8 || (type[1] == 16 && !transparent)) {
			add("all orientations", all_orientations, kind);
			add("EXIF after the pixels", exif_after_the_pixels, kind);
		}
		kind++;
	}
}

int main(void)
{
	add_kinds();
	add("premultiplication is exact", every_alpha_is_premultiplied, NULL);
	add("a profile is kept", profile_is_kept, NULL);
	add("the colour space is told", colour_space_is_told, NULL);
	add("broken text is let pass", broken_text_is_let_pass, NULL);
	add("a broken header is no image", broken_header_is_no_image, NULL);
	add("broken pixels fail", broken_pixels_fail, NULL);
	add("the decoder ends well", decoder_ends_well, NULL);
	return _cmocka_run_group_tests("png", tests, test_count, start, NULL);
}
