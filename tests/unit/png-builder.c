/*
 * Makes PNG files piece by piece.
 */
#include "config.h"

#include "tests/unit/png-builder.h"

#include <stdlib.h>
#include <string.h>

#include <png.h>
#include <zlib.h>

#include "tests/unit/unit.h"

void build_bytes(struct bytes *file, const void *data, size_t size)
{
	file->data = realloc(file->data, file->size + size + 1);
	assert_non_null(file->data);
	if (size > 0)
		memcpy(file->data + file->size, data, size);
	file->size += size;
}

void build_chunk(struct bytes *file, const char *name, const void *data, size_t size)
{
	uint8_t number[4];
	png_save_uint_32(number, (png_uint_32)size);
	build_bytes(file, number, sizeof(number));
	build_bytes(file, name, 4);
	build_bytes(file, data, size);
	const uint8_t *from = file->data + file->size - size - 4;
	png_save_uint_32(number, (png_uint_32)crc32(0, from, (uInt)size + 4));
	build_bytes(file, number, sizeof(number));
}

void build_head(struct bytes *file, uint32_t width, uint32_t height, int type, int colours)
{
	uint8_t head[13] = {0}, palette[768];
	uint32_t seed = width + height;
	png_save_uint_32(head, width);
	png_save_uint_32(head + 4, height);
	head[8] = 8;
	head[9] = (uint8_t)type;
	build_bytes(file, "\x89PNG\r\n\x1a\n", 8);
	build_chunk(file, "IHDR", head, sizeof(head));
	for (size_t i = 0; i < sizeof(palette); i++)
		palette[i] = (uint8_t)draw(&seed);
	if (colours > 0)
		build_chunk(file, "PLTE", palette, (size_t)colours * 3);
}

void build_pixels(struct bytes *file, const struct bytes *stream, size_t each, bool empty)
{
	for (size_t at = 0; at < stream->size; at += each) {
		size_t left = stream->size - at;
		build_chunk(file, "IDAT", stream->data + at, left < each ? left : each);
		if (empty)
			build_chunk(file, "IDAT", NULL, 0);
	}
}

struct bytes deflated(const struct bytes *data, int level, int strategy, int window)
{
	z_stream stream = {.next_in = data->data, .avail_in = (uInt)data->size};
	assert_int_equal(deflateInit2(&stream, level, Z_DEFLATED, window, 8, strategy), Z_OK);
	struct bytes packed = {NULL, deflateBound(&stream, data->size)};
	packed.data = malloc(packed.size);
	assert_non_null(packed.data);
	stream.next_out = packed.data;
	stream.avail_out = (uInt)packed.size;
	assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
	packed.size = stream.total_out;
	deflateEnd(&stream);
	return packed;
}

static size_t channels_of(int type)
{
	static const size_t channels[] = {[PNG_COLOR_TYPE_GRAY] = 1,
		[PNG_COLOR_TYPE_RGB] = 3,
		[PNG_COLOR_TYPE_PALETTE] = 1,
		[PNG_COLOR_TYPE_GRAY_ALPHA] = 2,
		[PNG_COLOR_TYPE_RGBA] = 4};
	return channels[type];
}

struct bytes rows_of(uint32_t width, uint32_t height, int type)
{
	uint32_t seed = width * 77 + height;
	size_t pitch = width * channels_of(type) + 1;
	struct bytes rows = {malloc(pitch * height), pitch * height};
	assert_non_null(rows.data);
	for (size_t i = 0; i < rows.size; i++)
		rows.data[i] = (uint8_t)draw(&seed) & (i % 1000 < 500 ? 255 : 1);
	for (uint32_t y = 0; y < height; y++)
		rows.data[y * pitch] = (uint8_t)(draw(&seed) % 5);
	return rows;
}

struct bytes picture_of(uint32_t width, uint32_t height, int type)
{
	static const uint8_t few_alphas[] = {0, 17, 255, 128};
	uint32_t way = width + height * 3;
	struct bytes file = {0};
	struct bytes rows = rows_of(width, height, type);
	struct bytes stream = deflated(&rows, (int)(way % 10), (int)(way % 5), 15);
	build_head(&file, width, height, type,
		type == PNG_COLOR_TYPE_PALETTE ? 1 + (int)(way % 256) : 0);
	if (type == PNG_COLOR_TYPE_PALETTE && way % 256 >= sizeof(few_alphas) && way % 2)
		build_chunk(&file, "tRNS", few_alphas, sizeof(few_alphas));
	build_pixels(&file, &stream, way % 7 ? 1 + way * 13 : 8192, way % 3 == 0);
	build_chunk(&file, "IEND", NULL, 0);
	free(rows.data);
	free(stream.data);
	return file;
}
