/*
 * Broken files. A file that is cut anywhere is no image. With any bit flipped, the decoder still
 * answers correctly and decodes the next file.
 */
#include "config.h"

#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/protocol/fault.h"
#include "tests/unit/exif-writer.h"
#include "tests/unit/jpeg-writer.h"
#include "tests/unit/png-writer.h"
#include "tests/unit/unit.h"

enum { CUTS = 400, FLIPS = 1500, CLOSE_QUEUE_MAX = 20 };

struct example {
	char name[40];
	struct bytes file;
	size_t whole; /* the least size that is a whole picture */
	uint32_t box; /* to make it smaller; 0: as it is */
};

static struct decoder decoder;
static struct example examples[CLOSE_QUEUE_MAX];
static size_t example_count;

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

static void decode(const struct bytes *file, size_t size, uint32_t box, struct outcome *outcome)
{
	const struct job_decode order = {.format = FORMAT_RGBA8, .width = box, .height = box};
	decoder_order(&decoder, file->data, size, &order, outcome);
}

static void assert_whole(const struct example *example)
{
	struct outcome outcome;
	decode(&example->file, example->file.size, example->box, &outcome);
	assert_done(&outcome);
	outcome_free(&outcome);
}

/* All lengths of a short file. Of a long one, some at even distances, and its last bytes. */
static void cut_anywhere_is_an_error(void **state)
{
	const struct example *example = *state;
	size_t step = example->whole / CUTS + 1;
	for (size_t size = 0; size < example->whole;) {
		struct outcome outcome;
		decode(&example->file, size, example->box, &outcome);
		if (outcome.done)
			fail_msg("%zu bytes of %zu are taken for all", size, example->file.size);
		assert_string_not_equal(outcome.error.message, "");
		assert_int_equal(outcome.error.fault, FAULT_NOT_AN_IMAGE);
		size += size + 16 < example->whole ? step : 1;
	}
	assert_whole(example);
}

static void turned_bits_break_nothing_else(void **state)
{
	const struct example *example = *state;
	uint32_t seed = 99;
	for (int i = 0; i < FLIPS; i++) {
		struct bytes file = {malloc(example->file.size), example->file.size};
		assert_non_null(file.data);
		memcpy(file.data, example->file.data, file.size);
		for (uint32_t flips = 1 + draw(&seed) % 4; flips; flips--)
			file.data[draw(&seed) % file.size] ^= (uint8_t)(1 << draw(&seed) % 8);
		struct outcome outcome;
		decode(&file, file.size, example->box, &outcome);
		assert_true(outcome.done || outcome.error.message[0]);
		assert_true(outcome.done || outcome.error.fault == FAULT_NOT_AN_IMAGE ||
			    outcome.error.fault == FAULT_TOO_LARGE);
		outcome_free(&outcome);
		free(file.data);
	}
	assert_whole(example);
}

/* A flipped bit inside a chunk of PNG is tried with the right CRC too, else libpng stops there. */
static void mend(struct bytes *file)
{
	for (size_t at = 8; at + 12 <= file->size;) {
		size_t length = (size_t)file->data[at] << 24 | (size_t)file->data[at + 1] << 16 |
				(size_t)file->data[at + 2] << 8 | file->data[at + 3];
		if (length > file->size - at - 12)
			return;
		uint32_t crc = 0xffffffff;
		for (size_t i = at + 4; i < at + 8 + length; i++) {
			crc ^= file->data[i];
			for (int bit = 0; bit < 8; bit++)
				crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
		}
		for (int i = 0; i < 4; i++)
			file->data[at + 8 + length + (size_t)i] = (uint8_t)(~crc >> (24 - 8 * i));
		at += 12 + length;
	}
}

static void turned_bits_with_right_sums(void **state)
{
	const struct example *example = *state;
	uint32_t seed = 42;
	for (int i = 0; i < FLIPS; i++) {
		struct bytes file = {malloc(example->file.size), example->file.size};
		assert_non_null(file.data);
		memcpy(file.data, example->file.data, file.size);
		file.data[8 + draw(&seed) % (file.size - 8)] ^= (uint8_t)(1 << draw(&seed) % 8);
		mend(&file);
		struct outcome outcome;
		decode(&file, file.size, example->box, &outcome);
		assert_true(outcome.done || outcome.error.message[0]);
		outcome_free(&outcome);
		free(file.data);
	}
	assert_whole(example);
}

/* The formats of this build. */
#ifdef HAVE_XPM
#define NOT_AN_IMAGE "not a JPEG, PNG or XPM file"
#else
#define NOT_AN_IMAGE "not a JPEG or PNG file"
#endif

static void other_files_are_no_images(void **state)
{
	static const char *const texts[] = {"", "\n", "GIF89a", "RIFF....WEBP", "\xff\xd8", "BM",
		"\x89PNG\r\n", "P6 1 1 255 abc", "<svg/>", "#define x_width 16", "/* XP */",
		"\177ELF"};
	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct bytes file = {0};
		file.data = (uint8_t *)strdup(texts[i]);
		struct outcome outcome;
		decode(&file, strlen(texts[i]), 0, &outcome);
		assert_refused(&outcome, FAULT_NOT_AN_IMAGE);
		assert_string_equal(
			outcome.error.message, file.data[0] ? NOT_AN_IMAGE : "the file is empty");
		free(file.data);
	}
}

static void noise_is_no_image(void **state)
{
	(void)state;
	uint32_t seed = 4;
	struct bytes file = {malloc(5000), 5000};
	assert_non_null(file.data);
	for (int round = 0; round < 300; round++) {
		for (size_t i = 0; i < file.size; i++)
			file.data[i] = (uint8_t)draw(&seed);
		memcpy(file.data, round % 3 == 0 ? "\xff\xd8\xff\xe0\0\4ab" : "\x89PNG\r\n\x1a\n",
			round % 3 == 2 ? 0 : 8);
		struct outcome outcome;
		decode(&file, file.size, 0, &outcome);
		assert_refused(&outcome, FAULT_NOT_AN_IMAGE);
	}
	free(file.data);
}

static void add(const char *name, struct bytes file)
{
	struct example *example = &examples[example_count++];
	snprintf(example->name, sizeof(example->name), "%s", name);
	example->file = file;
	example->whole = file.size;
}

static void add_pngs(void)
{
	static const struct {
		const char *name;
		struct png_kind kind;
	} kinds[] = {
		{"PNG grey1", {PNG_COLOR_TYPE_GRAY, 1, false, false}},
		{"PNG grey16+tRNS", {PNG_COLOR_TYPE_GRAY, 16, false, true}},
		{"PNG RGB8", {PNG_COLOR_TYPE_RGB, 8, false, false}},
		{"PNG RGB16 interlaced", {PNG_COLOR_TYPE_RGB, 16, true, false}},
		{"PNG palette4+tRNS", {PNG_COLOR_TYPE_PALETTE, 4, false, true}},
		{"PNG palette8 interlaced", {PNG_COLOR_TYPE_PALETTE, 8, true, false}},
		{"PNG RGBA8 interlaced", {PNG_COLOR_TYPE_RGBA, 8, true, false}},
	};
	struct bytes exif = exif_write(6, true, true);
	const struct png_extras extras = {.exif = &exif, .exif_late = true, .srgb = true};
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct expectation expected;
		add(kinds[i].name, png_write(&kinds[i].kind, 31, 17, &extras, &expected));
		expectation_end(&expected);
	}
	free(exif.data);
}

static void add_jpegs(void)
{
	static const char *const names[] = {"grey", "4:2:0", "4:2:0 with restarts",
		"4:2:0 progressive", "YCCK", "4:2:0 arithmetic"};
	struct bytes exif = exif_write(6, true, true);
	const struct jpeg_extras extras = {.exif = &exif, .icc = &exif};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const struct jpeg_kind *kind = jpeg_kinds;
		while (strcmp(kind->name, names[i]) != 0)
			kind++;
		char name[40];
		snprintf(name, sizeof(name), "JPEG %s", names[i]);
		add(name, jpeg_write(kind, 61, 43, &extras));
	}
	free(exif.data);
}

#ifdef HAVE_XPM
static void add_xpm(void)
{
	static const char text[] = "/* XPM */\nstatic char *a[] = {\n\"4 2 3 2 0 0\",\n"
				   "\"aa c None\",\n/* two */\n\"bb c #ff8000\",\n"
				   "\"cc m black c light blue\",\n"
				   "\"aabbccaa\",\n\"ccccbbaa\"\n};\n";
	struct bytes file = {(uint8_t *)strdup(text), sizeof(text) - 1};
	add("XPM", file);
	examples[example_count - 1].whole -= strlen(";\n");
}
#endif

#ifndef HAVE_ZIMG
/* The whole picture is decoded as usual. */
static void nothing_is_made_smaller_without_zimg(void **state)
{
	(void)state;
	struct outcome outcome;
	decode(&examples[0].file, examples[0].file.size, 7, &outcome);
	assert_refused(&outcome, FAULT_DECODER_FAILED);
	assert_non_null(strstr(outcome.error.message, "zimg"));
	decode(&examples[0].file, examples[0].file.size, 31, &outcome);
	assert_done(&outcome);
	outcome_free(&outcome);
}
#endif

#ifdef HAVE_ZIMG
/* The same files, while they are made smaller. */
static void add_smaller(const char *name, const char *smaller)
{
	size_t i = 0;
	while (strcmp(examples[i].name, name) != 0)
		i++;
	struct bytes file = {malloc(examples[i].file.size), examples[i].file.size};
	assert_non_null(file.data);
	memcpy(file.data, examples[i].file.data, file.size);
	add(smaller, file);
	examples[example_count - 1].box = 7;
}
#endif

enum { TESTS_MAX = 3 * CLOSE_QUEUE_MAX + 4 };

static char names[TESTS_MAX][100];
static struct CMUnitTest tests[TESTS_MAX];
static size_t test_count;

static void add_test(struct example *example, const char *what, CMUnitTestFunction function)
{
	char *name = names[test_count];
	snprintf(name, sizeof(names[0]), "%s%s%s", example ? example->name : "",
		example ? ": " : "", what);
	tests[test_count++] =
		(struct CMUnitTest){.name = name, .test_func = function, .initial_state = example};
}

int main(void)
{
	add_pngs();
#ifdef HAVE_ZIMG
	add_smaller("PNG RGB8", "PNG RGB8 smaller");
	add_smaller("PNG RGBA8 interlaced", "PNG RGBA8 interlaced smaller");
#endif
	size_t png_count = example_count;
	add_jpegs();
#ifdef HAVE_ZIMG
	add_smaller("JPEG 4:2:0", "JPEG 4:2:0 smaller");
	add_smaller("JPEG 4:2:0 progressive", "JPEG 4:2:0 progressive smaller");
#endif
#ifdef HAVE_XPM
	add_xpm();
#endif
	for (size_t i = 0; i < example_count; i++) {
		add_test(&examples[i], "cut anywhere is an error", cut_anywhere_is_an_error);
		add_test(&examples[i], "turned bits break nothing else",
			turned_bits_break_nothing_else);
		if (i < png_count)
			add_test(&examples[i], "turned bits with right sums",
				turned_bits_with_right_sums);
	}
	add_test(NULL, "other files are no images", other_files_are_no_images);
	add_test(NULL, "noise is no image", noise_is_no_image);
#ifndef HAVE_ZIMG
	add_test(NULL, "nothing is made smaller", nothing_is_made_smaller_without_zimg);
#endif
	add_test(NULL, "the decoder ends well", decoder_ends_well);
	int failed = _cmocka_run_group_tests("broken", tests, test_count, start, NULL);
	for (size_t i = 0; i < example_count; i++)
		free(examples[i].file.data);
	return failed;
}
