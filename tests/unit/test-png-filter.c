/*
 * The filters of PNG: both implementations on rows of every width, compared with the formulas of
 * the standard. Conversions: many pixels at once, compared with one at a time.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/decoder/codec/png-filter.h"
#include "daemon/decoder/pixel/convert.h"
#include "tests/unit/decoder-harness.h"
#include "tests/unit/unit.h"

enum { WIDTH_MAX = 70, ROUNDS = 4 };

/* ISO/IEC 15948, 9.4. */
static int nearest(int left, int above, int corner)
{
	int estimate = left + above - corner;
	int to_left = abs(estimate - left);
	int to_above = abs(estimate - above);
	int to_corner = abs(estimate - corner);
	if (to_left <= to_above && to_left <= to_corner)
		return left;
	return to_above <= to_corner ? above : corner;
}

static void unfilter(int filter, uint8_t *row, const uint8_t *prior, size_t size, size_t pixel)
{
	for (size_t i = 0; i < size; i++) {
		int left = i >= pixel ? row[i - pixel] : 0;
		int corner = i >= pixel ? prior[i - pixel] : 0;
		const int add[] = {
			0, left, prior[i], (left + prior[i]) / 2, nearest(left, prior[i], corner)};
		row[i] = (uint8_t)(row[i] + add[filter]);
	}
}

/* Memory of just that size, so that a sanitizer finds an access outside. */
static uint8_t *copy_of(const uint8_t *from, size_t size)
{
	uint8_t *copy = malloc(size);
	assert_non_null(copy);
	memcpy(copy, from, size);
	return copy;
}

static void assert_row(enum png_filter filter, const uint8_t *bytes, size_t size, unsigned pixel)
{
	uint8_t *prior = copy_of(bytes + size, size);
	uint8_t *expected = copy_of(bytes, size);
	uint8_t *ours = copy_of(bytes, size);
	uint8_t *plain = copy_of(bytes, size);
	unfilter((int)filter, expected, prior, size, pixel);
	png_unfilter(filter, ours, prior, size, pixel);
	png_unfilter_bytes(filter, plain, prior, size, pixel);
	assert_memory_equal(ours, expected, size);
	assert_memory_equal(plain, expected, size);
	free(prior);
	free(expected);
	free(ours);
	free(plain);
}

static void every_filter_and_width(void **state)
{
	uint8_t bytes[2 * 4 * WIDTH_MAX];
	uint32_t seed = 7;
	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		for (size_t i = 0; i < sizeof(bytes); i++)
			bytes[i] = (uint8_t)draw(&seed);
		for (unsigned pixel = 1; pixel <= 4; pixel++)
			for (size_t width = 1; width <= WIDTH_MAX; width++)
				for (int filter = 0; filter < PNG_FILTERS; filter++)
					assert_row((enum png_filter)filter, bytes, width * pixel,
						pixel);
	}
}

/* A row of two pixels for each case: the first becomes left, above and corner are given. */
static void every_paeth(void **state)
{
	(void)state;
	for (int corner = 0; corner < 256; corner++) {
		for (int left = 0; left < 256; left++) {
			uint8_t row[8] = {0}, prior[8], expected[8];
			for (int above = 0; above < 256; above += 4) {
				for (int i = 0; i < 4; i++) {
					prior[i] = (uint8_t)corner;
					prior[4 + i] = (uint8_t)(above + i);
					row[i] = (uint8_t)(left - corner);
					row[4 + i] = 0;
				}
				memcpy(expected, row, sizeof(row));
				unfilter(PNG_FILTER_IS_PAETH, expected, prior, 8, 4);
				png_unfilter_bytes(PNG_FILTER_IS_PAETH, row, prior, 8, 4);
				assert_memory_equal(row, expected, 8);
			}
		}
	}
}

/* The same in rows that are long enough for the instructions of the processor. */
static void every_paeth_in_long_rows(void **state)
{
	enum { PIXEL = 4, PAIRS = 64, SIZE = PAIRS * 2 * PIXEL };
	(void)state;
	for (int corner = 0; corner < 256; corner++) {
		for (int left = 0; left < 256; left++) {
			uint8_t row[SIZE], prior[SIZE], expected[SIZE];
			for (int i = 0; i < SIZE; i++) {
				bool second = i / PIXEL % 2;
				int above = i / (2 * PIXEL) * PIXEL + i % PIXEL;
				prior[i] = (uint8_t)(second ? above : corner);
				row[i] = second ? 0 : (uint8_t)(left * 31 + i);
			}
			memcpy(expected, row, SIZE);
			unfilter(PNG_FILTER_IS_PAETH, expected, prior, SIZE, PIXEL);
			png_unfilter(PNG_FILTER_IS_PAETH, row, prior, SIZE, PIXEL);
			assert_memory_equal(row, expected, SIZE);
		}
	}
}

static void assert_conversion(enum row row, unsigned bytes, enum format format, size_t count)
{
	uint32_t seed = (uint32_t)count;
	size_t to_bytes = format_pixel_bytes(format);
	uint8_t *from = malloc(count * bytes);
	uint8_t *all = malloc(count * to_bytes), *each = malloc(count * to_bytes);
	assert_true(from && all && each);
	for (size_t i = 0; i < count * bytes; i++)
		from[i] = (uint8_t)draw(&seed);
	convert_row(all, format, from, row, count);
	for (size_t i = 0; i < count; i++)
		convert_row(each + i * to_bytes, format, from + i * bytes, row, 1);
	assert_memory_equal(all, each, count * to_bytes);
	free(from);
	free(all);
	free(each);
}

static void many_pixels_are_converted_as_one(void **state)
{
	static const unsigned bytes[] = {
#define X(constant, channels, wide) [constant] = (channels) << (wide),
		ROW_TABLE(X)
#undef X
	};
	(void)state;
	for (size_t row = 0; row < sizeof(bytes) / sizeof(bytes[0]); row++)
		for (int format = 0; format < FORMAT_COUNT; format++)
			for (size_t count = 1; format != FORMAT_NATIVE && count <= WIDTH_MAX;
				count++)
				assert_conversion(
					(enum row)row, bytes[row], (enum format)format, count);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_filter_and_width),
		cmocka_unit_test(every_paeth),
		cmocka_unit_test(every_paeth_in_long_rows),
		cmocka_unit_test(many_pixels_are_converted_as_one),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
