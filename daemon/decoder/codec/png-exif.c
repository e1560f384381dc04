/*
 * The eXIf chunk.
 *
 * The orientation decides the size of the picture, so it must be known with the header. But the
 * chunk may come after the pixels, where libpng finds it too late. So this file walks over the
 * chunks by their lengths, without reading their data, before the pixels are decoded.
 */
#include "config.h"

#include "daemon/decoder/codec/png-exif.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/decoder/file/exif.h"

enum {
	SIGNATURE = 8,
	FRAME = 12,	      /* length, type and CRC of a chunk */
	LENGTH_MAX = 1 << 20, /* of EXIF data; cameras write less than 64 KiB */
	CHUNKS_MAX = 1 << 20, /* that are skipped */
};

static uint32_t png_exif_big_endian(const uint8_t *bytes)
{
	return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 |
	       bytes[3];
}

/* CRC-32 of type and data, bit by bit: there is one such chunk in a file, and it is short. */
static uint32_t png_exif_crc_of(const uint8_t *bytes, size_t size)
{
	uint32_t crc = 0xffffffff;
	for (size_t i = 0; i < size; i++) {
		crc ^= bytes[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (0xedb88320 & (0 - (crc & 1)));
	}
	return ~crc;
}

/* Finds the chunk. Returns its offset, or 0 if there is none. */
static uint64_t png_exif_find(struct input *input, uint32_t *length)
{
	uint64_t offset = SIGNATURE;
	for (int i = 0; i < CHUNKS_MAX; i++) {
		uint8_t head[8];
		if (input_read_at(input, offset, head, sizeof(head)) < 0)
			return 0;
		*length = png_exif_big_endian(head);
		if (*length > INT32_MAX || memcmp(head + 4, "IEND", 4) == 0)
			return 0;
		if (memcmp(head + 4, "eXIf", 4) == 0)
			return offset;
		offset += FRAME + (uint64_t)*length;
	}
	return 0;
}

static int png_exif_keep(struct picture *picture, const uint8_t *data, size_t size)
{
	picture->orientation = exif_read(data, size).orientation;
	return picture_add_block(picture, BLOCK_EXIF, data, size);
}

int png_exif_read(struct picture *picture)
{
	uint32_t length;
	uint64_t offset = png_exif_find(&picture->input, &length);
	if (offset == 0 || length == 0 || length > LENGTH_MAX)
		return 0;
	uint8_t *chunk = malloc((size_t)length + FRAME);
	if (!chunk)
		return picture_fail(picture, FAULT_DECODER_FAILED, PICTURE_NO_MEMORY);
	int result = 0;
	bool whole = input_read_at(&picture->input, offset, chunk, (size_t)length + FRAME) == 0;
	if (whole && png_exif_crc_of(chunk + 4, (size_t)length + 4) ==
			     png_exif_big_endian(chunk + 8 + length))
		result = png_exif_keep(picture, chunk + 8, length);
	free(chunk);
	return result;
}
