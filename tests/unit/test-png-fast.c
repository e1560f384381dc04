/*
 * PNG by ISA-L compared with PNG by libpng: files of every kind and size have the same pixels, and
 * those that ISA-L is for, and no others, were decoded by it.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include <png.h>
#include <zlib.h>

#include "tests/unit/png-builder.h"
#include "tests/unit/png-verdict.h"
#include "tests/unit/png-writer.h"
#include "tests/unit/unit.h"

enum { GREY = 0, RGB = 2, PALETTE = 3, GREY_ALPHA = 4, RGBA = 6 };

static const int types[] = {GREY, RGB, PALETTE, GREY_ALPHA, RGBA};

static void every_kind_and_size(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(types); i++) {
		for (uint32_t width = 1; width <= 70; width++) {
			for (uint32_t height = 1; height <= 40; height += 1 + width % 3) {
				struct bytes file = picture_of(width, height, types[i]);
				assert_fast(&file, (enum format)((width + height) % FORMAT_COUNT));
			}
		}
	}
}

/* More than ISA-L inflates at a time, and rows longer than that. */
static void large_ones(void **state)
{
	static const uint32_t sizes[][2] = {
		{997, 401}, {4000, 70}, {65536, 7}, {262144, 3}, {1, 40000}};
	(void)state;
	for (size_t i = 0; i < COUNT(types); i++) {
		for (size_t j = 0; j < COUNT(sizes); j++) {
			struct bytes file = picture_of(sizes[j][0], sizes[j][1], types[i]);
			assert_fast(&file, FORMAT_RGBA8);
		}
	}
}

/* Only the kinds for libpng are decoded by it. */
static void kinds_are_told_apart(void **state)
{
	static const int depths[] = {1, 2, 4, 8, 16};
	(void)state;
	for (size_t i = 0; i < COUNT(types) * COUNT(depths) * 4; i++) {
		struct png_kind kind = {types[i / 20], depths[i / 4 % 5], i & 1, i & 2};
		bool indexed = kind.colour_type == PALETTE;
		bool can_be = kind.depth == 8 || kind.colour_type == GREY ||
			      (indexed ? kind.depth < 8 : kind.depth == 16);
		if (!can_be || (kind.transparent && kind.colour_type & PNG_COLOR_MASK_ALPHA))
			continue;
		struct expectation expected;
		struct bytes file = png_write(&kind, 21, 13, NULL, &expected);
		bool common = kind.depth == 8 && !kind.interlaced && (!kind.transparent || indexed);
		struct png_pair pair = compare(&file, FORMAT_NATIVE);
		assert_true(pair.accepted);
		assert_int_equal(pair.fast, common);
		expectation_end(&expected);
		free(file.data);
	}
}

/* A window that is large enough for all pixels is accepted, a smaller one is not. */
static void windows(void **state)
{
	(void)state;
	for (int bits = 9; bits <= 15; bits++) {
		for (uint32_t height = 1; height <= 200; height += 199) {
			struct bytes file = {0};
			struct bytes rows = rows_of(60, height, RGBA);
			struct bytes stream = deflated(&rows, 6, Z_DEFAULT_STRATEGY, bits);
			build_head(&file, 60, height, RGBA, 0);
			build_pixels(&file, &stream, 8192, false);
			build_chunk(&file, "IEND", NULL, 0);
			assert_int_equal(
				compare(&file, FORMAT_RGBA8).fast, height == 1 || bits == 15);
			free(rows.data);
			free(stream.data);
			free(file.data);
		}
	}
}

static void chunks_behind_the_pixels(void **state)
{
	static const uint8_t nothing[100000];
	struct bytes file = picture_of(9, 9, RGB);
	(void)state;
	file.size -= 12;
	build_chunk(&file, "tEXt", "Comment\0none", 12);
	build_chunk(&file, "ABCD", nothing, sizeof(nothing));
	build_chunk(&file, "IEND", "x", 1);
	build_bytes(&file, "what is behind the end is nobody's", 34);
	assert_fast(&file, FORMAT_RGBA8);
}

static void memory_fails(void **state)
{
	(void)state;
	for (png_pair_failing = 1; png_pair_failing <= 3; png_pair_failing++) {
		struct bytes file = picture_of(20, 20, PALETTE);
		assert_slow(&file, true);
	}
	png_pair_failing = 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_kind_and_size),
		cmocka_unit_test(large_ones),
		cmocka_unit_test(kinds_are_told_apart),
		cmocka_unit_test(windows),
		cmocka_unit_test(chunks_behind_the_pixels),
		cmocka_unit_test(memory_fails),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
