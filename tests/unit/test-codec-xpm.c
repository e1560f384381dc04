/*
 * XPM: names and numbers of colours, transparency, pixels of several characters, and texts that
 * are refused.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/protocol/fault.h"
#include "daemon/decoder/codec/xpm-colours.h"
#include "tests/unit/expectation.h"
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

/* A colour as a file may write it, and its value. */
static const struct {
	const char *text;
	struct sample sample;
} colours[] = {
	{"c red", {65535, 0, 0, 65535}},
	{"c Light Blue", {173 * 257, 216 * 257, 230 * 257, 65535}},
	{"c LIGHTBLUE", {173 * 257, 216 * 257, 230 * 257, 65535}},
	{"c AntiqueWhite3", {205 * 257, 192 * 257, 176 * 257, 65535}},
	{"c gray0", {0, 0, 0, 65535}},
	{"c grey50", {127 * 257, 127 * 257, 127 * 257, 65535}},
	{"c Gray100", {65535, 65535, 65535, 65535}},
	{"c gray", {190 * 257, 190 * 257, 190 * 257, 65535}},
	{"c dark slate grey", {47 * 257, 79 * 257, 79 * 257, 65535}},
	{"c #fa0", {65535, 0xaaaa, 0, 65535}},
	{"c #12CDeF", {0x1212, 0xcdcd, 0xefef, 65535}},
	{"c #1234567890ab", {0x1234, 0x5678, 0x90ab, 65535}},
	{"c #fff000800", {65535, 0, 32776, 65535}},
	{"m black c blue", {0, 0, 65535, 65535}},
	{"m white g #808080", {0x8080, 0x8080, 0x8080, 65535}},
	{"m white g4 #444444 g #222", {0x2222, 0x2222, 0x2222, 65535}},
	{"m white g4 #444444", {0x4444, 0x4444, 0x4444, 65535}},
	{"m white", {65535, 65535, 65535, 65535}},
	{"s border c green", {0, 65535, 0, 65535}},
	{"c None", {0, 0, 0, 0}},
	{"s none m black c #0000ff", {0, 0, 65535, 65535}},
};

enum { COLOURS = sizeof(colours) / sizeof(colours[0]), NONE_FROM = COLOURS - 2 };

/* The characters of a colour: its number, in the letters a to z. */
static void print_key(FILE *file, size_t number, size_t characters)
{
	while (characters--) {
		putc((int)('a' + number % 26), file);
		number /= 26;
	}
}

/* Writes a picture of the first count colours. The caller frees it. */
static struct bytes write_xpm(size_t count, size_t characters, uint32_t width, uint32_t height,
	struct expectation *expected)
{
	struct bytes file;
	FILE *stream = open_memstream((char **)&file.data, &file.size);
	assert_non_null(stream);
	expectation_begin(expected, width, height);
	expected->wide = true;
	expected->native = count > NONE_FROM ? FORMAT_RGBA8 : FORMAT_RGB8;
	fprintf(stream,
		"/* XPM */\nstatic char *test[] = {\n/* \"values\" */\n\"%u %u %zu %zu\",\n", width,
		height, count, characters);
	for (size_t i = 0; i < count; i++) {
		putc('"', stream);
		print_key(stream, i, characters);
		fprintf(stream, " %s\",\n", colours[i].text);
	}
	for (uint32_t y = 0; y < height; y++) {
		putc('"', stream);
		for (uint32_t x = 0; x < width; x++) {
			size_t colour = (x + (size_t)y * 7) % count;
			print_key(stream, colour, characters);
			expected->samples[(size_t)y * width + x] = colours[colour].sample;
		}
		fputs(y + 1 < height ? "\",\n" : "\"\n};\n", stream);
	}
	assert_int_equal(fclose(stream), 0);
	return file;
}

static void is_exact(size_t count, size_t characters)
{
	struct expectation expected;
	struct bytes file = write_xpm(count, characters, 23, 11, &expected);
	assert_all_formats(&decoder, &file, &expected);
	expectation_end(&expected);
	free(file.data);
}

static void one_character(void **state)
{
	(void)state;
	is_exact(NONE_FROM, 1);
}

static void two_characters(void **state)
{
	(void)state;
	is_exact(NONE_FROM, 2);
}

static void five_characters(void **state)
{
	(void)state;
	is_exact(NONE_FROM, 5);
}

static void none_is_transparent(void **state)
{
	(void)state;
	is_exact(COLOURS, 1);
	is_exact(COLOURS, 2);
	is_exact(COLOURS, 3);
}

static void decode_text(const char *text, struct outcome *outcome)
{
	decoder_decode(&decoder, text, strlen(text), FORMAT_RGBA8, outcome);
}

static void assert_text_refused(const char *text, uint32_t fault)
{
	struct outcome outcome;
	decode_text(text, &outcome);
	assert_refused(&outcome, fault);
}

#define HEAD "/* XPM */\nstatic char *x[] = {\n"

static void extensions_and_hotspot_are_let_pass(void **state)
{
	static const char text[] = HEAD "\"2 1 2 1 0 0 XPMEXT\",\n\"a c red\",\n\"b c None\",\n"
					"\"ab\",\n\"XPMEXT what is\",\n\"XPMENDEXT\"};";
	(void)state;
	struct outcome outcome;
	decode_text(text, &outcome);
	assert_done(&outcome);
	assert_string_equal(outcome.header.type, "XPM");
	assert_memory_equal(pixel_at(&outcome, 0, 0), "\xff\0\0\xff\0\0\0\0", 8);
	outcome_free(&outcome);
}

/* libXpm would take this for the end of a comment, and leak memory. */
static void comments_and_blanks_between_strings(void **state)
{
	static const char text[] =
		"/* XPM */* /\n char[]={ \"2 1 2 1\"/* \"9 9\" **/\n\"a c red\" \"b c blue\""
		"/* } */,\"abaa\"};";
	(void)state;
	struct outcome outcome;
	decode_text(text, &outcome);
	assert_done(&outcome);
	assert_memory_equal(pixel_at(&outcome, 0, 0), "\xff\0\0\xff\0\0\xff\xff", 8);
	outcome_free(&outcome);
}

static void values_are_checked(void **state)
{
	(void)state;
	assert_text_refused(HEAD "};", FAULT_NOT_AN_IMAGE);
	assert_text_refused(HEAD "\"2 1 2\"};", FAULT_NOT_AN_IMAGE);
	assert_text_refused(HEAD "\"0 1 1 1\",\"a c red\",\"\"};", FAULT_NOT_AN_IMAGE);
	assert_text_refused(HEAD "\"1 1 0 1\",\"\"};", FAULT_NOT_AN_IMAGE);
	assert_text_refused(HEAD "\"1 1 1 0\",\" c red\",\"\"};", FAULT_NOT_AN_IMAGE);
	assert_text_refused(HEAD "\"-1 1 1 1\",\"a c red\",\"a\"};", FAULT_NOT_AN_IMAGE);
	assert_text_refused(
		HEAD "\"99999999999999999999 1 1 1\",\"a c red\",\"a\"};", FAULT_NOT_AN_IMAGE);
}

/* Sizes for which libXpm would allocate memory, although the file is too short for them. */
static void bombs_are_not_believed(void **state)
{
	(void)state;
	assert_text_refused(
		HEAD "\"2147483647 2147483647 1 1\",\"a c red\",\"a\"};", FAULT_NOT_AN_IMAGE);
	assert_text_refused(HEAD "\"65536 65536 1 1\",\"a c red\",\"a\"};", FAULT_NOT_AN_IMAGE);
	assert_text_refused(HEAD "\"1 1 2000000000 1\",\"a c red\",\"a\"};", FAULT_NOT_AN_IMAGE);
	assert_text_refused(HEAD "\"1 1 1 2000000000\",\"a c red\",\"a\"};", FAULT_NOT_AN_IMAGE);
}

static void colours_are_checked(void **state)
{
	(void)state;
	assert_text_refused(HEAD "\"1 1 1 1\",\"a c no such\",\"a\"};", FAULT_NOT_AN_IMAGE);
	assert_text_refused(HEAD "\"1 1 1 1\",\"a c #12\",\"a\"};", FAULT_NOT_AN_IMAGE);
	assert_text_refused(HEAD "\"1 1 1 1\",\"a c #12345g\",\"a\"};", FAULT_NOT_AN_IMAGE);
	assert_text_refused(HEAD "\"1 1 1 1\",\"a s what\",\"a\"};", FAULT_NOT_AN_IMAGE);
	assert_text_refused(HEAD "\"1 1 1 1\",\"a c \x1b[2J\",\"a\"};", FAULT_NOT_AN_IMAGE);
}

/* libXpm would leak memory, for each of these colours. */
static void colours_are_given_once(void **state)
{
	char text[16384];
	(void)state;
	assert_text_refused(HEAD "\"1 1 1 1\",\"a c red c blue\",\"a\"};", FAULT_NOT_AN_IMAGE);
	assert_text_refused(
		HEAD "\"1 1 1 1\",\"a g4 red\n\tm x g4 x\",\"a\"};", FAULT_NOT_AN_IMAGE);
	assert_text_refused(HEAD "\"1 1 1 9\",\"a c red\",\"a\"};", FAULT_NOT_AN_IMAGE);
	snprintf(text, sizeof(text), HEAD "\"1 1 1 1\",\"a s %08190d c red\",\"a\"};", 0);
	assert_text_refused(text, FAULT_NOT_AN_IMAGE);
	struct outcome outcome;
	decode_text(HEAD "\"1 1 1 1\",\"a s c c red g g\",\"a\"};", &outcome);
	assert_done(&outcome);
	assert_memory_equal(pixel_at(&outcome, 0, 0), "\xff\0\0\xff", 4);
	outcome_free(&outcome);
}

static void pixels_are_checked(void **state)
{
	(void)state;
	assert_text_refused(HEAD "\"1 1 1 1\",\"a c red\",\"b\"};", FAULT_NOT_AN_IMAGE);
	assert_text_refused(HEAD "\"2 1 1 1\",\"a c red\",\"a\"};", FAULT_NOT_AN_IMAGE);
	assert_text_refused(HEAD "\"1 2 1 1\",\"a c red\",\"a\"};", FAULT_NOT_AN_IMAGE);
	assert_text_refused(HEAD "\"2 2 1 1\",\"a c red\",\"a\",\"aaa\"};", FAULT_NOT_AN_IMAGE);
	assert_text_refused(HEAD "\"1 1 1 1\",\"a c red\",\"a\"", FAULT_NOT_AN_IMAGE);
}

/* libXpm takes a NUL for the end, and leaks memory there. */
static void text_has_no_nul(void **state)
{
	static const char text[] = HEAD "\"1 1 1 1\",\"a c red\",\"a\"};\0";
	(void)state;
	struct outcome outcome;
	decoder_decode(&decoder, text, sizeof(text), FORMAT_RGBA8, &outcome);
	assert_refused(&outcome, FAULT_NOT_AN_IMAGE);
}

static void messages_are_printable(void **state)
{
	(void)state;
	struct outcome outcome;
	decode_text(HEAD "\"1 1 1 1\",\"a c \x1b[2J\xff\",\"a\"};", &outcome);
	assert_string_equal(
		outcome.error.message, "XPM: unknown colour \"?[2J?\": write it as #RRGGBB");
}

static void assert_colour(const char *name, int64_t expected)
{
	uint32_t value = 0;
	int result = xpm_colour_from_string(name, &value);
	assert_int_equal(result == 0 ? (int64_t)value : -1, expected);
}

static void names_are_found(void **state)
{
	(void)state;
	assert_colour("aliceblue", 0xf0f8ff);
	assert_colour("Yellow Green", 0x9acd32);
	assert_colour("yellow4", 0x8b8b00);
	assert_colour("red1", 0xff0000);
	assert_colour("gray90", 0xe5e5e5);
	assert_colour("grey10", 0x1a1a1a);
	assert_colour("LightGoldenrodYellow", 0xfafad2);
	assert_colour("SlateGrey4", 0x6c7b8b);
}

static void other_names_are_not(void **state)
{
	static const char *const names[] = {"", " ", "red0", "red5", "aliceblue1", "gray101",
		"gray007", "1", "nosuchcolour", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		"red99999999999999999999"};
	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_colour(names[i], -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_character),
		cmocka_unit_test(two_characters),
		cmocka_unit_test(five_characters),
		cmocka_unit_test(none_is_transparent),
		cmocka_unit_test(extensions_and_hotspot_are_let_pass),
		cmocka_unit_test(comments_and_blanks_between_strings),
		cmocka_unit_test(values_are_checked),
		cmocka_unit_test(bombs_are_not_believed),
		cmocka_unit_test(colours_are_checked),
		cmocka_unit_test(colours_are_given_once),
		cmocka_unit_test(pixels_are_checked),
		cmocka_unit_test(text_has_no_nul),
		cmocka_unit_test(messages_are_printable),
		cmocka_unit_test(names_are_found),
		cmocka_unit_test(other_names_are_not),
		cmocka_unit_test(decoder_ends_well),
	};
	return cmocka_run_group_tests_name("xpm", tests, start, NULL);
}
