/*
 * JPEG: every colour space, sampling and process to every format, compared with libjpeg called
 * here; EXIF and orientation, profiles, and files that are refused.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/protocol/fault.h"
#include "tests/unit/exif-writer.h"
#include "tests/unit/jpeg-writer.h"
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

static const struct jpeg_kind *kind_of(const char *name)
{
	const struct jpeg_kind *kind = jpeg_kinds;
	while (strcmp(kind->name, name) != 0)
		kind++;
	return kind;
}

static void kind_is_exact(void **state)
{
	static const uint32_t sizes[][2] = {{1, 1}, {8, 8}, {17, 35}, {50, 33}};
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct bytes file = jpeg_write(*state, sizes[i][0], sizes[i][1], NULL);
		struct expectation expected;
		jpeg_expect(&file, &expected);
		assert_all_formats(&decoder, &file, &expected);
		expectation_end(&expected);
		free(file.data);
	}
}

static void is_oriented(const struct jpeg_kind *kind, unsigned orientation, bool big_endian)
{
	struct bytes exif = exif_write(orientation, false, big_endian);
	const struct jpeg_extras extras = {.exif = &exif};
	struct bytes file = jpeg_write(kind, 29, 45, &extras);
	struct expectation expected;
	jpeg_expect(&file, &expected);
	expected.orientation = orientation;
	assert_all_formats(&decoder, &file, &expected);
	expectation_end(&expected);
	free(file.data);
	free(exif.data);
}

static void all_orientations(void **state)
{
	for (unsigned orientation = 1; orientation <= 8; orientation++) {
		is_oriented(*state, orientation, false);
		is_oriented(*state, orientation, true);
	}
}

/* Decodes to RGBA8 and asserts that pixels, colour space and blocks are as given. */
static void assert_extras(const struct jpeg_extras *extras, uint32_t colour)
{
	struct bytes file = jpeg_write(kind_of("4:2:0"), 30, 20, extras);
	struct expectation expected;
	jpeg_expect(&file, &expected);
	struct outcome outcome;
	decoder_decode(&decoder, file.data, file.size, FORMAT_RGBA8, &outcome);
	assert_picture(&outcome, &expected);
	assert_int_equal(outcome.header.colour, colour);
	assert_string_equal(outcome.header.type, "JPEG");
	uint32_t blocks = 0;
	if (extras->icc)
		assert_block(&outcome, blocks++, BLOCK_ICC, extras->icc->data, extras->icc->size);
	if (extras->exif)
		assert_block(
			&outcome, blocks++, BLOCK_EXIF, extras->exif->data, extras->exif->size);
	assert_int_equal(outcome.header.block_count, blocks);
	outcome_free(&outcome);
	expectation_end(&expected);
	free(file.data);
}

static struct bytes noise(size_t size)
{
	struct bytes bytes = {malloc(size), size};
	assert_non_null(bytes.data);
	uint32_t seed = 77;
	for (size_t i = 0; i < size; i++)
		bytes.data[i] = (uint8_t)draw(&seed);
	return bytes;
}

static void profile_is_kept(void **state)
{
	static const size_t sizes[] = {1, 500, 65519, 65520, 300000, 255 * 65519};
	(void)state;
	struct bytes exif = exif_write(1, true, false);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct bytes icc = noise(sizes[i]);
		assert_extras(&(struct jpeg_extras){.icc = &icc}, COLOUR_ICC);
		assert_extras(&(struct jpeg_extras){.icc = &icc, .exif = &exif}, COLOUR_ICC);
		free(icc.data);
	}
	free(exif.data);
}

static void colour_space_is_told(void **state)
{
	(void)state;
	struct bytes srgb = exif_write(1, true, true);
	struct bytes other = exif_write(1, false, true);
	assert_extras(&(struct jpeg_extras){.exif = &srgb}, COLOUR_SRGB);
	assert_extras(&(struct jpeg_extras){.exif = &other}, COLOUR_UNSPECIFIED);
	assert_extras(&(struct jpeg_extras){0}, COLOUR_UNSPECIFIED);
	free(srgb.data);
	free(other.data);
}

static void nonsense_of_exif_is_kept_but_not_applied(void **state)
{
	(void)state;
	struct bytes exif = noise(60000);
	assert_extras(&(struct jpeg_extras){.exif = &exif}, COLOUR_UNSPECIFIED);
	free(exif.data);
	for (unsigned orientation = 9; orientation <= 0xffff; orientation += 0x1111) {
		exif = exif_write(orientation, false, false);
		assert_extras(&(struct jpeg_extras){.exif = &exif}, COLOUR_UNSPECIFIED);
		free(exif.data);
	}
}

/* Bytes after the end marker are ignored: cameras put a second picture there. */
static void bytes_after_the_end_are_let_pass(void **state)
{
	(void)state;
	struct bytes file = jpeg_write(kind_of("4:2:0"), 30, 20, NULL);
	struct expectation expected;
	jpeg_expect(&file, &expected);
	struct bytes longer = {calloc(1, 2 * file.size), 2 * file.size};
	assert_non_null(longer.data);
	memcpy(longer.data, file.data, file.size);
	assert_all_formats(&decoder, &longer, &expected);
	memcpy(longer.data + file.size, file.data, file.size);
	assert_all_formats(&decoder, &longer, &expected);
	expectation_end(&expected);
	free(longer.data);
	free(file.data);
}

/* Writes a picture, changes the file by change(), and asserts the fault and words of the error. */
static void assert_changed(
	const char *name, void (*change)(struct bytes *file), uint32_t fault, const char *words)
{
	struct bytes file = jpeg_write(kind_of(name), 64, 64, NULL);
	change(&file);
	struct outcome outcome;
	decoder_decode(&decoder, file.data, file.size, FORMAT_RGBA8, &outcome);
	assert_refused(&outcome, fault);
	if (!strstr(outcome.error.message, words))
		fail_msg("\"%s\" is not in \"%s\"", words, outcome.error.message);
	free(file.data);
}

static uint8_t *marker_of(const struct bytes *file, uint8_t code)
{
	const uint8_t marker[] = {0xff, code};
	uint8_t *at = memmem(file->data, file->size, marker, sizeof(marker));
	assert_non_null(at);
	return at;
}

static void make_12_bit(struct bytes *file)
{
	marker_of(file, 0xc0)[4] = 12;
}

static void make_lossless(struct bytes *file)
{
	marker_of(file, 0xc0)[1] = 0xc3;
}

static void make_flat(struct bytes *file)
{
	memset(marker_of(file, 0xc0) + 5, 0, 2);
}

/* Half of the pixels are missing, and the end marker is present. */
static void cut_out(struct bytes *file)
{
	size_t middle = file->size / 2 + file->size / 4;
	file->data[middle] = 0xff;
	file->data[middle + 1] = 0xd9;
	file->size = middle + 2;
}

static void swap_restarts(struct bytes *file)
{
	marker_of(file, 0xd0)[1] = 0xd3;
}

static void cut_end(struct bytes *file)
{
	file->size -= 2;
}

static void what_libjpeg_cannot_is_refused(void **state)
{
	(void)state;
	assert_changed("4:4:4", make_12_bit, FAULT_NOT_AN_IMAGE, "precision 12");
	assert_changed("4:4:4", make_lossless, FAULT_NOT_AN_IMAGE, "SOF type 0xc3");
	assert_changed("4:4:4", make_flat, FAULT_NOT_AN_IMAGE, "DNL");
}

static void lost_data_fails(void **state)
{
	(void)state;
	assert_changed("4:4:4", cut_out, FAULT_NOT_AN_IMAGE, "premature end of data");
	assert_changed("4:2:0 progressive", cut_out, FAULT_NOT_AN_IMAGE, "remature end of");
	assert_changed("4:2:0 with restarts", swap_restarts, FAULT_NOT_AN_IMAGE, "RST");
	assert_changed("4:4:4", cut_end, FAULT_NOT_AN_IMAGE, "Premature end of JPEG file");
}

/* A progressive file whose last scan is repeated many times. */
static void scans_are_bounded(void **state)
{
	(void)state;
	struct bytes file = jpeg_write(kind_of("grey progressive"), 8, 8, NULL);
	size_t last = file.size;
	while (file.data[--last] != 0xda || file.data[last - 1] != 0xff)
		;
	const uint8_t *scan = file.data + last - 1;
	size_t size = (size_t)(file.data + file.size - scan) - 2;
	enum { TIMES = 1000 };
	uint8_t *bomb = malloc(file.size + TIMES * size);
	assert_non_null(bomb);
	memcpy(bomb, file.data, file.size);
	for (size_t i = 0; i < TIMES; i++)
		memcpy(bomb + file.size - 2 + i * size, scan, size);
	memcpy(bomb + file.size - 2 + TIMES * size, "\xff\xd9", 2);
	struct outcome outcome;
	decoder_decode(&decoder, bomb, file.size + TIMES * size, FORMAT_RGBA8, &outcome);
	assert_refused(&outcome, FAULT_NOT_AN_IMAGE);
	assert_string_equal(
		outcome.error.message, "JPEG: too many scans: save the picture again, with fewer");
	free(bomb);
	free(file.data);
}

/* Far too many segments of metadata before the pixels. */
static void header_is_bounded(void **state)
{
	enum { SEGMENT = 65535 + 2, TIMES = 1100 };
	(void)state;
	uint8_t *bomb = calloc(TIMES, SEGMENT);
	assert_non_null(bomb);
	memcpy(bomb, "\xff\xd8", 2);
	for (size_t i = 0; i + 1 < TIMES; i++)
		memcpy(bomb + 2 + i * SEGMENT, "\xff\xe1\xff\xff", 4);
	struct outcome outcome;
	decoder_decode(&decoder, bomb, (size_t)TIMES * SEGMENT, FORMAT_RGBA8, &outcome);
	assert_refused(&outcome, FAULT_NOT_AN_IMAGE);
	assert_string_equal(
		outcome.error.message, "JPEG: too much data before the pixels: remove metadata");
	free(bomb);
}

enum { TESTS_MAX = 100 };

static char names[TESTS_MAX][80];
static struct CMUnitTest tests[TESTS_MAX];
static size_t test_count;

static void add(const char *kind, const char *what, CMUnitTestFunction function, const void *state)
{
	char *name = names[test_count];
	snprintf(name, sizeof(names[0]), "%s%s%s", kind, *kind ? ": " : "", what);
	tests[test_count] = (struct CMUnitTest){.name = name, .test_func = function};
	memcpy(&tests[test_count++].initial_state, &state, sizeof(state));
}

int main(void)
{
	for (const struct jpeg_kind *kind = jpeg_kinds; kind->name; kind++) {
		add(kind->name, "all formats are libjpeg's", kind_is_exact, kind);
		add(kind->name, "all orientations", all_orientations, kind);
	}
	add("", "a profile is kept", profile_is_kept, NULL);
	add("", "the colour space is told", colour_space_is_told, NULL);
	add("", "nonsense of EXIF is kept but not applied",
		nonsense_of_exif_is_kept_but_not_applied, NULL);
	add("", "bytes after the end are let pass", bytes_after_the_end_are_let_pass, NULL);
	add("", "what libjpeg cannot decode is refused", what_libjpeg_cannot_is_refused, NULL);
	add("", "lost data fails", lost_data_fails, NULL);
	add("", "scans are bounded", scans_are_bounded, NULL);
	add("", "the header is bounded", header_is_bounded, NULL);
	add("", "the decoder ends well", decoder_ends_well, NULL);
	return _cmocka_run_group_tests("jpeg", tests, test_count, start, NULL);
}
