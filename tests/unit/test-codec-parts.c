/*
 * Parts of the decoder alone: conversions of all values, EXIF that is cut or damaged, and the
 * reader of files.
 */
#include "config.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/decoder/file/exif.h"
#include "daemon/decoder/file/input.h"
#include "daemon/decoder/pixel/convert.h"
#include "tests/unit/exif-writer.h"
#include "tests/unit/unit.h"

enum { ALL8 = 256, ALL16 = 65536 };

static void all_pairs_of_8_bits_are_premultiplied(void **state)
{
	(void)state;
	for (unsigned alpha = 0; alpha < ALL8; alpha++) {
		uint8_t from[ALL8][4];
		uint8_t to[ALL8][4];
		for (unsigned i = 0; i < ALL8; i++) {
			const uint8_t pixel[4] = {
				(uint8_t)i, (uint8_t)(255 - i), 7, (uint8_t)alpha};
			memcpy(from[i], pixel, 4);
		}
		convert_row(to, FORMAT_BGRA8_PREMUL, from, ROW_RGBA8, ALL8);
		for (unsigned i = 0; i < ALL8; i++) {
			assert_int_equal(to[i][2], lround(i * alpha / 255.0));
			assert_int_equal(to[i][1], lround((255 - i) * alpha / 255.0));
			assert_int_equal(to[i][0], lround(7 * alpha / 255.0));
			assert_int_equal(to[i][3], alpha);
		}
	}
}

static void premultiplied_16_bits_never_pass_alpha(void **state)
{
	(void)state;
	for (unsigned alpha = 0; alpha < ALL16; alpha += 97) {
		for (unsigned value = 0; value < ALL16; value += 1021) {
			const uint16_t from[4] = {(uint16_t)value, 65535, 0, (uint16_t)alpha};
			uint8_t to[4];
			convert_row(to, FORMAT_BGRA8_PREMUL, from, ROW_RGBA16, 1);
			double exact = 255 * (value / 65535.0) * (alpha / 65535.0);
			assert_int_equal(to[2], lround(exact));
			assert_int_equal(to[1], to[3]);
			assert_int_equal(to[0], 0);
		}
	}
}

static void all_16_bits_are_narrowed_to_the_nearest(void **state)
{
	(void)state;
	for (unsigned value = 0; value < ALL16; value++) {
		const uint16_t from = (uint16_t)value;
		uint8_t grey;
		uint8_t rgb[3];
		convert_row(&grey, FORMAT_GRAY8, &from, ROW_GRAY16, 1);
		convert_row(rgb, FORMAT_RGB8, &from, ROW_GRAY16, 1);
		assert_int_equal(grey, lround(value / 257.0));
		assert_int_equal(rgb[0], grey);
		assert_int_equal(rgb[2], grey);
	}
}

static void widened_values_come_back(void **state)
{
	(void)state;
	for (unsigned value = 0; value < ALL8; value++) {
		const uint8_t from[4] = {(uint8_t)value, (uint8_t)~value, 0, (uint8_t)(value / 2)};
		uint16_t wide[4];
		uint8_t back[4];
		convert_row(wide, FORMAT_RGBA16, from, ROW_RGBA8, 1);
		assert_int_equal(wide[0], value * 257);
		convert_row(back, FORMAT_RGBA8, wide, ROW_RGBA16, 1);
		assert_memory_equal(back, from, 4);
	}
}

static void grey_stays_itself(void **state)
{
	(void)state;
	for (unsigned value = 0; value < ALL16; value++) {
		const uint16_t from[3] = {(uint16_t)value, (uint16_t)value, (uint16_t)value};
		uint16_t grey;
		convert_row(&grey, FORMAT_GRAY16, from, ROW_RGB16, 1);
		assert_int_equal(grey, value);
	}
}

/* In memory of just its size, so that a sanitizer finds a read beyond it. */
static struct exif read_copy(const struct bytes *exif, size_t size)
{
	uint8_t *copy = malloc(size ? size : 1);
	assert_non_null(copy);
	memcpy(copy, exif->data, size);
	struct exif result = exif_read(copy, size);
	free(copy);
	return result;
}

static void exif_is_read(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 36; i++) {
		unsigned orientation = i / 4;
		struct bytes exif = exif_write(orientation, i & 1, i & 2);
		struct exif result = read_copy(&exif, exif.size);
		assert_int_equal(result.orientation, orientation ? orientation : 1);
		assert_int_equal(result.srgb, i & 1);
		free(exif.data);
	}
}

static void cut_exif_says_nothing(void **state)
{
	(void)state;
	struct bytes exif = exif_write(6, true, true);
	for (size_t size = 0; size < 34; size++) {
		struct exif result = read_copy(&exif, size);
		assert_int_equal(result.orientation, 1);
		assert_false(result.srgb);
	}
	assert_int_equal(read_copy(&exif, 34).orientation, 6);
	free(exif.data);
}

static void garbled_exif_stays_inside(void **state)
{
	(void)state;
	uint32_t seed = 1;
	for (int i = 0; i < 20000; i++) {
		struct bytes exif = exif_write(6, true, i & 1);
		for (uint32_t flips = 1 + draw(&seed) % 8; flips; flips--)
			exif.data[draw(&seed) % exif.size] = (uint8_t)draw(&seed);
		struct exif result = read_copy(&exif, draw(&seed) % (exif.size + 1));
		assert_in_range(result.orientation, 1, 8);
		free(exif.data);
	}
}

static struct input input;

/* A file of 200000 bytes, each different from its neighbours. */
static int begin_input(void **state)
{
	(void)state;
	struct bytes bytes = {malloc(200000), 200000};
	assert_non_null(bytes.data);
	for (size_t i = 0; i < bytes.size; i++)
		bytes.data[i] = (uint8_t)(i % 251);
	input_begin(&input, file_of(bytes.data, bytes.size));
	free(bytes.data);
	return 0;
}

static int end_input(void **state)
{
	(void)state;
	assert_int_equal(lseek(input.fd, 0, SEEK_CUR), 0);
	close(input.fd);
	return 0;
}

static void input_is_taken_in_order(void **state)
{
	(void)state;
	uint32_t seed = 8;
	uint64_t at = 0;
	while (at < 200000) {
		uint8_t bytes[3000];
		size_t count = draw(&seed) % sizeof(bytes);
		if (count > 200000 - at)
			count = (size_t)(200000 - at);
		if (draw(&seed) % 2) {
			input_skip(&input, count);
		} else {
			assert_int_equal(input_read(&input, bytes, count), 0);
			for (size_t i = 0; i < count; i++)
				assert_int_equal(bytes[i], (at + i) % 251);
		}
		at += count;
		assert_int_equal(input_position(&input), at);
	}
	uint8_t more;
	assert_int_equal(input_read(&input, &more, 1), -ENODATA);
}

static void input_ends_where_the_file_does(void **state)
{
	(void)state;
	static uint8_t bytes[200001];
	assert_int_equal(input_read_at(&input, 199999, bytes, 1), 0);
	assert_int_equal(bytes[0], 199999 % 251);
	assert_int_equal(input_read_at(&input, 199999, bytes, 2), -ENODATA);
	assert_int_equal(input_read_at(&input, UINT64_MAX, bytes, 1), -ENODATA);
	assert_int_equal(input_read(&input, bytes, sizeof(bytes)), -ENODATA);
	assert_int_equal(input.error, 0);
}

static void input_goes_back(void **state)
{
	(void)state;
	static uint8_t bytes[150000];
	input_skip(&input, 100);
	assert_int_equal(input_read(&input, bytes, 150000), 0);
	input_seek(&input, 101);
	assert_int_equal(input_position(&input), 101);
	assert_int_equal(input_read(&input, bytes, 1), 0);
	assert_int_equal(bytes[0], 101);
}

static void input_skips_beyond_all_bounds(void **state)
{
	(void)state;
	uint8_t byte;
	input_skip(&input, 10);
	assert_int_equal(input_read(&input, &byte, 1), 0);
	input_skip(&input, UINT64_MAX);
	assert_int_equal(input_read(&input, &byte, 1), -ENODATA);
	input_skip(&input, UINT64_MAX);
	assert_int_equal(input_read(&input, &byte, 1), -ENODATA);
}

static void input_shrinks_under_the_reader(void **state)
{
	(void)state;
	static uint8_t bytes[100000];
	assert_int_equal(input_read(&input, bytes, 10), 0);
	assert_int_equal(ftruncate(input.fd, 70000), 0);
	assert_int_equal(input_read(&input, bytes, sizeof(bytes)), -ENODATA);
}

#define INPUT_TEST(function) cmocka_unit_test_setup_teardown(function, begin_input, end_input)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_pairs_of_8_bits_are_premultiplied),
		cmocka_unit_test(premultiplied_16_bits_never_pass_alpha),
		cmocka_unit_test(all_16_bits_are_narrowed_to_the_nearest),
		cmocka_unit_test(widened_values_come_back),
		cmocka_unit_test(grey_stays_itself),
		cmocka_unit_test(exif_is_read),
		cmocka_unit_test(cut_exif_says_nothing),
		cmocka_unit_test(garbled_exif_stays_inside),
		INPUT_TEST(input_is_taken_in_order),
		INPUT_TEST(input_ends_where_the_file_does),
		INPUT_TEST(input_goes_back),
		INPUT_TEST(input_skips_beyond_all_bounds),
		INPUT_TEST(input_shrinks_under_the_reader),
	};
	return cmocka_run_group_tests_name("parts", tests, NULL, NULL);
}
