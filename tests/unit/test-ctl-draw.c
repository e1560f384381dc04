/*
 * Tests of what shmimgctl draws with: answers of terminals, base64, sizes and palettes.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/ctl/base64.h"
#include "client/ctl/draw.h"
#include "client/ctl/palette.h"
#include "client/ctl/terminal-traits.h"
#include "tests/unit/unit.h"

/* RFC 4648, 10. */
static void test_base64(void **state)
{
	(void)state;
	static const char *const vectors[][2] = {{"", ""}, {"f", "Zg=="}, {"fo", "Zm8="},
		{"foo", "Zm9v"}, {"foob", "Zm9vYg=="}, {"fooba", "Zm9vYmE="},
		{"foobar", "Zm9vYmFy"}, {"\xff\xef\xbe", "/+++"}};
	for (size_t i = 0; i < COUNT(vectors); i++) {
		char text[BASE64_SIZE(6)];
		size_t length = strlen(vectors[i][0]);
		assert_int_equal(base64_encode(text, vectors[i][0], length), strlen(vectors[i][1]));
		assert_string_equal(text, vectors[i][1]);
	}
}

static void test_all_answers(void **state)
{
	(void)state;
	const char *answers = "\033_Gi=31;OK\033\\\033_Gi=32;OK\033\\"
			      "\033]11;rgb:ff/8000/0\033\\\033[6;21;11t\033[?62;4;22c";
	assert_true(terminal_traits_whole(answers));
	struct terminal_traits traits = terminal_traits_read(answers);
	assert_true(traits.kitty && traits.shared && traits.sixel && traits.has_background);
	assert_int_equal(traits.background[0], 255);
	assert_int_equal(traits.background[1], 128);
	assert_int_equal(traits.background[2], 0);
	assert_int_equal(traits.cell_width, 11);
	assert_int_equal(traits.cell_height, 21);
}

static void test_answers_that_say_nothing(void **state)
{
	(void)state;
	static const char *const answers[] = {"", "\033[?", "\033[?c\033[?24", "\033[?4c",
		"\033[?62;14;40c", "\033_Gi=32;OK\033\\", "\033_Gi=31;ENOTSUP\033\\",
		"\033]11;rgb:1/2\033\\", "\033]11;rgb:1/2/\033\\", "\033]11;rgb:1/2/33333\033\\",
		"\033]11;rgb:-1/2/3\033\\", "\033]11;rgb:1/2/3", "\033[6;0;1t", "\033[6;1;0t",
		"\033[6;1001;1t", "\033[6;10;20c", "\033[6;"};
	static const struct terminal_traits none;
	for (size_t i = 0; i < COUNT(answers); i++) {
		struct terminal_traits traits = terminal_traits_read(answers[i]);
		traits.background[0] = traits.background[1] = traits.background[2] = 0;
		assert_memory_equal(&traits, &none, sizeof(none));
	}
	assert_false(terminal_traits_whole("\033[?62;4"));
	assert_false(terminal_traits_whole("\033[?62;4\033[c"));
	assert_true(terminal_traits_whole("\033[?62;4\033[?1c"));
}

static void expect_fit(const char *mode, const struct draw_area *area, uint32_t width,
	uint32_t height, uint32_t wanted_width, uint32_t wanted_height)
{
	draw_fit(draw_mode_from_string(mode), area, &width, &height);
	assert_int_equal(width, wanted_width);
	assert_int_equal(height, wanted_height);
}

static void test_fit(void **state)
{
	(void)state;
	struct draw_area area = {.columns = 80, .rows = 20, .cell_width = 10, .cell_height = 20};
	expect_fit("kitty", &area, 800, 400, 800, 400);
	expect_fit("kitty", &area, 1600, 400, 800, 200);
	expect_fit("sixel", &area, 8, 4000, 1, 400);
	expect_fit("blocks", &area, 160, 40, 80, 20);
	expect_fit("blocks", &area, 30, 20, 30, 20);
	expect_fit("plain", &area, 80, 40, 40 * 2, 20);
	expect_fit("plain", &area, 4294967295u, 1, 80, 1);
	area.enlarge = true;
	expect_fit("blocks", &area, 30, 20, 60, 40);
	area = (struct draw_area){1000, 1000, 1000, 1000, true};
	expect_fit("kitty", &area, 1, 1, 8192, 8192);
	area.cell_height = 1;
	expect_fit("plain", &area, 1, 100, 1, 1000);
}

static void test_modes(void **state)
{
	(void)state;
	struct terminal_traits traits = {0};
	setenv("TERM", "xterm", 1);
	unsetenv("COLORTERM");
	assert_ptr_equal(draw_mode_choose(&traits, false), draw_mode_from_string("plain"));
	assert_ptr_equal(draw_mode_choose(&traits, true), draw_mode_from_string("blocks256"));
	setenv("COLORTERM", "24bit", 1);
	assert_ptr_equal(draw_mode_choose(&traits, true), draw_mode_from_string("blocks"));
	traits.sixel = true;
	assert_ptr_equal(draw_mode_choose(&traits, true), draw_mode_from_string("sixel"));
	traits.kitty = true;
	assert_ptr_equal(draw_mode_choose(&traits, true), draw_mode_from_string("kitty"));
	setenv("TERM", "dumb", 1);
	assert_ptr_equal(draw_mode_choose(&traits, true), draw_mode_from_string("plain"));
	assert_null(draw_mode_from_string("auto"));
}

/* Each of 256 colours that differ in their upper bits is kept as it is. */
static void test_palette_keeps_few_colours(void **state)
{
	(void)state;
	uint8_t pixels[256][4];
	struct pixmap pixmap = {.width = 16, .height = 16, .pixels = pixels[0]};
	for (unsigned i = 0; i < 256; i++) {
		pixels[i][0] = (uint8_t)((i & 15) << 4 | 5);
		pixels[i][1] = (uint8_t)(i & 0xf0);
		pixels[i][2] = (uint8_t)(255 - (i & 0xf0));
		pixels[i][3] = 255;
	}
	struct palette *palette = palette_make(&pixmap);
	assert_int_equal(palette->count, 256);
	for (unsigned i = 0; i < 256; i++)
		assert_memory_equal(
			palette->colours[palette_index(palette, pixels[i])], pixels[i], 3);
	free(palette);
}

static void test_palette_of_all_colours(void **state)
{
	(void)state;
	uint64_t seed = 7;
	struct pixmap pixmap = {.width = 300, .height = 200, .pixels = malloc(240000)};
	assert_non_null(pixmap.pixels);
	for (size_t i = 0; i < 240000; i++)
		pixmap.pixels[i] = (uint8_t)unit_random(&seed);
	struct palette *palette = palette_make(&pixmap);
	assert_int_equal(palette->count, 256);
	for (uint32_t x = 0; x < 300; x++) {
		const uint8_t *pixel = pixmap_at(&pixmap, x, x % 200);
		const uint8_t *colour = palette->colours[palette_index(palette, pixel)];
		for (size_t i = 0; i < 3; i++)
			assert_true(abs(pixel[i] - colour[i]) < 80);
	}
	free(palette);
	pixmap_clear(&pixmap);
}

static void test_what_is_no_terminal(void **state)
{
	(void)state;
	int ends[2];
	struct terminal terminal;
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(terminal_open(&terminal, ends[1]), -ENOTTY);
	assert_int_equal(terminal.fd, -1);
	terminal_close(&terminal);
	struct terminal_size size = terminal_size(ends[1]);
	assert_int_equal(size.columns, 80);
	assert_int_equal(size.rows, 24);
	terminal.fd = ends[0];
	assert_int_equal(terminal_quiet(&terminal), -ENOTTY);
	assert_false(terminal.is_quiet);
	close(ends[0]);
	close(ends[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_base64),
		cmocka_unit_test(test_all_answers),
		cmocka_unit_test(test_answers_that_say_nothing),
		cmocka_unit_test(test_fit),
		cmocka_unit_test(test_modes),
		cmocka_unit_test(test_palette_keeps_few_colours),
		cmocka_unit_test(test_palette_of_all_colours),
		cmocka_unit_test(test_what_is_no_terminal),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
