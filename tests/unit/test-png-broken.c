/*
 * PNG by ISA-L compared with PNG by libpng: broken files of every kind have the same verdict,
 * message and rows.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include <png.h>
#include <zlib.h>

#include "tests/unit/png-builder.h"
#include "tests/unit/png-verdict.h"
#include "tests/unit/unit.h"

enum { RGB = 2, PALETTE = 3, RGBA = 6 };

static const int types[] = {0, RGB, PALETTE, 4, RGBA};

enum { WIDTH = 30, HEIGHT = 20 };

/* A file to break, made of parts that a test may replace. */
struct parts {
	struct bytes rows, stream, file;
};

static void begin(struct parts *parts)
{
	*parts = (struct parts){.rows = rows_of(WIDTH, HEIGHT, RGB)};
	build_head(&parts->file, WIDTH, HEIGHT, RGB, 0);
}

static void pack(struct parts *parts)
{
	parts->stream = deflated(&parts->rows, 6, Z_DEFAULT_STRATEGY, 15);
}

static void finish(struct parts *parts, size_t each, bool accepted)
{
	build_pixels(&parts->file, &parts->stream, each, false);
	build_chunk(&parts->file, "IEND", NULL, 0);
	assert_slow(&parts->file, accepted);
	free(parts->rows.data);
	free(parts->stream.data);
}

static void rows_are_missing_or_too_many(void **state)
{
	(void)state;
	for (int change = -100; change <= 100; change += 25) {
		struct parts parts;
		begin(&parts);
		static const uint8_t zeros[100];
		if (change > 0)
			build_bytes(&parts.rows, zeros, (size_t)change);
		else
			parts.rows.size -= (size_t)-change + 1;
		pack(&parts);
		finish(&parts, 8192, change > 0);
	}
}

static void filters_that_there_are_not(void **state)
{
	(void)state;
	for (size_t y = 0; y < HEIGHT; y++) {
		struct parts parts;
		begin(&parts);
		parts.rows.data[y * (WIDTH * 3 + 1)] = (uint8_t)(5 + y * 10);
		pack(&parts);
		finish(&parts, 8192, false);
	}
}

/* libpng checks the sum only if it came with the bytes of the last row. */
static void sums_of_the_stream(void **state)
{
	(void)state;
	for (size_t back = 1; back <= 4; back++) {
		for (size_t each = 1; each <= 8192; each *= 8192 / 2 - 1) {
			struct parts parts;
			begin(&parts);
			pack(&parts);
			parts.stream.data[parts.stream.size - back] ^= 4;
			finish(&parts, each, each == 1);
		}
	}
}

static void heads_of_the_stream(void **state)
{
	static const uint8_t heads[][2] = {
		{0x78, 0x00}, {0x79, 0x01}, {0x88, 0x1c}, {0x78, 0x20}, {0x78, 0xbb}, {0, 0}};
	(void)state;
	for (size_t i = 0; i < COUNT(heads); i++) {
		struct parts parts;
		begin(&parts);
		pack(&parts);
		memcpy(parts.stream.data, heads[i], 2);
		finish(&parts, 8192, false);
	}
}

static void bytes_behind_the_stream(void **state)
{
	(void)state;
	for (size_t more = 1; more < 100; more += 7) {
		struct parts parts;
		begin(&parts);
		pack(&parts);
		build_bytes(&parts.stream, parts.rows.data, more);
		finish(&parts, more % 2 ? 8192 : 11, true);
	}
}

static void stream_that_is_cut(void **state)
{
	(void)state;
	for (size_t less = 1; less < 600; less += 13) {
		struct parts parts;
		begin(&parts);
		pack(&parts);
		parts.stream.size -= less;
		finish(&parts, less % 2 ? 8192 : 11, false);
	}
}

static void foreign_chunks(void **state)
{
	static const char *const names[] = {"IDAT", "IHDR", "a+cd", "tEXt", "PLTE"};
	(void)state;
	for (size_t i = 0; i < COUNT(names); i++) {
		for (int between = 0; between < 2; between++) {
			struct parts parts;
			begin(&parts);
			pack(&parts);
			struct bytes half = {parts.stream.data, parts.stream.size / 2};
			struct bytes rest = {half.data + half.size, parts.stream.size - half.size};
			build_pixels(&parts.file, &half, 8192, false);
			if (between)
				build_chunk(&parts.file, names[i], "12345", 5);
			build_pixels(&parts.file, &rest, 8192, false);
			if (!between)
				build_chunk(&parts.file, names[i], "12345", 5);
			build_chunk(&parts.file, "IEND", NULL, 0);
			struct png_pair pair = compare(&parts.file, FORMAT_RGBA8);
			assert_int_equal(pair.fast, !between && i >= 3);
			free(parts.file.data);
			free(parts.stream.data);
			free(parts.rows.data);
		}
	}
}

static void chunk_longer_than_any(void **state)
{
	struct bytes file = picture_of(9, 9, RGB);
	(void)state;
	file.size -= 12;
	build_bytes(&file, "\xff\xff\xff\xfftEXt", 8);
	assert_slow(&file, false);
}

/* CRCs of chunks: any bit of the file is flipped. */
static void any_bit(void **state)
{
	struct bytes file = picture_of(23, 9, *(const int *)*state);
	for (size_t i = 0; i < file.size * 8; i++) {
		file.data[i / 8] ^= (uint8_t)(1 << i % 8);
		compare(&file, FORMAT_RGBA8);
		file.data[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	assert_fast(&file, FORMAT_RGBA8);
}

static void any_length(void **state)
{
	struct bytes file = picture_of(41, 17, *(const int *)*state);
	struct bytes cut = file;
	for (cut.size = 0; cut.size < file.size; cut.size++)
		assert_false(compare(&cut, FORMAT_RGBA8).fast);
	assert_fast(&file, FORMAT_RGBA8);
}

/* Bits of the stream are flipped, and the CRCs of its chunks are correct. */
static void any_bit_of_the_stream(void **state)
{
	struct bytes rows = rows_of(25, 11, *(const int *)*state);
	for (int strategy = Z_DEFAULT_STRATEGY; strategy <= Z_FIXED; strategy += 2) {
		struct bytes stream = deflated(&rows, 9, strategy, 15);
		for (size_t i = 0; i < stream.size * 8; i++) {
			struct bytes file = {0};
			stream.data[i / 8] ^= (uint8_t)(1 << i % 8);
			build_head(&file, 25, 11, *(const int *)*state, 200);
			build_pixels(&file, &stream, i % 2 ? 100 : 8192, false);
			build_chunk(&file, "IEND", NULL, 0);
			compare(&file, FORMAT_RGBA8);
			stream.data[i / 8] ^= (uint8_t)(1 << i % 8);
			free(file.data);
		}
		free(stream.data);
	}
	free(rows.data);
}

static void rows_too_long_for_it(void **state)
{
	static const uint32_t widths[] = {1 << 24, 0x7fffffff};
	(void)state;
	for (size_t i = 0; i < COUNT(widths); i++) {
		struct bytes file = {0};
		build_head(&file, widths[i], 1, RGBA, 0);
		build_chunk(&file, "IDAT", "x\x9c", 2);
		assert_slow(&file, false);
	}
}

#define FOR_TYPE(function, type)                                                           \
	{                                                                                  \
#function " " #type, function, NULL, NULL, (void *)(uintptr_t)&types[type] \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_are_missing_or_too_many),
		cmocka_unit_test(filters_that_there_are_not),
		cmocka_unit_test(sums_of_the_stream),
		cmocka_unit_test(heads_of_the_stream),
		cmocka_unit_test(bytes_behind_the_stream),
		cmocka_unit_test(stream_that_is_cut),
		cmocka_unit_test(foreign_chunks),
		cmocka_unit_test(chunk_longer_than_any),
		FOR_TYPE(any_bit, 0),
		FOR_TYPE(any_bit, 2),
		FOR_TYPE(any_length, 1),
		FOR_TYPE(any_length, 2),
		FOR_TYPE(any_bit_of_the_stream, 1),
		FOR_TYPE(any_bit_of_the_stream, 2),
		cmocka_unit_test(rows_too_long_for_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
