/*
 * A published segment (shmimg-segment(5)) as the source of a picture: for a smaller rendition, or
 * one in another format.
 *
 * This saves reading and decoding the file again. The daemon chooses this codec by
 * JOB_SOURCE_SEGMENT; the content of a file never does, so that nobody can present a file as a
 * segment. The header is checked all the same. Rows are read by pread(2), as from files.
 *
 * Premultiplied pixels are divided by alpha before they are converted, into 16 bits: from there the
 * same 8 bits come back when they are premultiplied again.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/decoder/codec/codec.h"

struct segment {
	struct header header;
	uint8_t *rows;	    /* a strip, as it is in the segment */
	uint8_t *converted; /* a row without premultiplication; NULL if not needed */
};

static int segment_codec_fail(struct picture *picture, const char *message)
{
	return picture_fail(picture, FAULT_DECODER_FAILED,
		"the loaded image is damaged: drop it and load it again (segment: %s)", message);
}

/* ---- Header ---- */

static const char *segment_codec_check(struct picture *picture, const struct header *header)
{
	const char *fault = header_check(header, header->segment_size);
	if (fault)
		return fault;
	if (!input_file_has_size(picture->input.fd, header->segment_size))
		return "not the size that its header says";
	if (format_pixel_bytes((enum format)header->native) == 0)
		return "unknown native format";
	if (!memchr(header->type, 0, sizeof(header->type)))
		return "the type is not ended by NUL";
	if (header->width > INT32_MAX || header->height > INT32_MAX)
		return "width or height is too large";
	return NULL;
}

/* The size of the whole picture. If the header gives none, the segment has all of it. */
static const char *segment_codec_read_full_size(
	struct picture *picture, const struct header *header)
{
	picture->full_width = header->full_width ? header->full_width : header->width;
	picture->full_height = header->full_height ? header->full_height : header->height;
	if (picture->full_width < header->width || picture->full_height < header->height ||
		picture->full_width > INT32_MAX || picture->full_height > INT32_MAX)
		return "the whole picture is smaller than its pixels, or too large";
	return NULL;
}

static int segment_codec_read_block(struct picture *picture, const struct header_block *block)
{
	if (block->size > JOB_BLOCK_BYTES_MAX)
		return segment_codec_fail(picture, "a metadata block is too large");
	uint8_t *data = malloc(block->size ? block->size : 1);
	if (!data)
		return picture_fail(picture, FAULT_DECODER_FAILED, PICTURE_NO_MEMORY);
	int result = input_read_at(&picture->input, block->offset, data, block->size);
	if (result < 0)
		segment_codec_fail(picture, "a metadata block is cut short");
	else
		result = picture_add_block(picture, block->type, data, block->size);
	free(data);
	return result;
}

static int segment_codec_read_header(struct picture *picture, struct header *header)
{
	if (input_read_at(&picture->input, 0, header, sizeof(*header)) < 0)
		return segment_codec_fail(picture, "the header is cut short");
	const char *fault = segment_codec_check(picture, header);
	if (!fault)
		fault = segment_codec_read_full_size(picture, header);
	if (fault)
		return segment_codec_fail(picture, fault);
	picture->width = header->width;
	picture->height = header->height;
	picture->in_order = true;
	picture->native = (enum format)header->native;
	picture->colour = (enum colour_space)header->colour;
	picture->turned_by = header->orientation;
	memcpy(picture->type, header->type, sizeof(picture->type));
	int result = 0;
	for (uint32_t i = 0; result == 0 && i < header->block_count; i++)
		result = segment_codec_read_block(picture, &header->blocks[i]);
	return result;
}

static int segment_codec_open(struct picture *picture)
{
	struct segment *segment = calloc(1, sizeof(*segment));
	if (!segment)
		return picture_fail(picture, FAULT_DECODER_FAILED, PICTURE_NO_MEMORY);
	picture->state = segment;
	return segment_codec_read_header(picture, &segment->header);
}

/* ---- Pixels ---- */

/* The 16-bit colour of a premultiplied value. */
static uint16_t segment_codec_divide(unsigned value, unsigned alpha)
{
	unsigned max = 65535;
	return (uint16_t)(value < alpha ? (value * max + alpha / 2) / alpha : max);
}

/* From premultiplied bytes B G R A to 16-bit R G B A, not premultiplied. */
static void segment_codec_unpremultiply(uint8_t *to, const uint8_t *from, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++, from += 4) {
		uint16_t pixel[4] = {0};
		unsigned alpha = from[3];
		for (unsigned c = 0; alpha > 0 && c < 3; c++)
			pixel[c] = segment_codec_divide(from[2 - c], alpha);
		pixel[3] = (uint16_t)(alpha * 257);
		memcpy(to + i * sizeof(pixel), pixel, sizeof(pixel));
	}
}

/* Draws the rows in segment->rows. */
static void segment_codec_draw(
	struct segment *segment, struct target *target, uint32_t y, uint32_t count)
{
	static const enum row rows[] = {
		[FORMAT_RGBA8] = ROW_RGBA8,
		[FORMAT_BGRA8_PREMUL] = ROW_RGBA16,
		[FORMAT_RGB8] = ROW_RGB8,
		[FORMAT_GRAY8] = ROW_GRAY8,
		[FORMAT_RGBA16] = ROW_RGBA16,
		[FORMAT_GRAY16] = ROW_GRAY16,
	};
	const struct header *header = &segment->header;
	struct strip strip = {.pixels = segment->rows,
		.pitch = (size_t)header->stride,
		.row = rows[header->format],
		.rows = count,
		.count = header->width,
		.y = y,
		.step = 1};
	if (!segment->converted) {
		target_put(target, &strip);
		return;
	}
	strip.pixels = segment->converted;
	strip.rows = 1;
	for (uint32_t i = 0; i < count; i++, strip.y++) {
		segment_codec_unpremultiply(
			segment->converted, segment->rows + i * header->stride, header->width);
		target_put(target, &strip);
	}
}

static int segment_codec_allocate(struct picture *picture, struct segment *segment)
{
	segment->rows = reallocarray(NULL, STRIP_ROWS, segment->header.stride);
	bool premultiplied = segment->header.format == FORMAT_BGRA8_PREMUL;
	if (premultiplied)
		segment->converted =
			reallocarray(NULL, segment->header.width, 4 * sizeof(uint16_t));
	if (!segment->rows || (premultiplied && !segment->converted))
		return picture_fail(picture, FAULT_DECODER_FAILED, PICTURE_NO_MEMORY);
	return 0;
}

static int segment_codec_decode(struct picture *picture, struct target *target)
{
	struct segment *segment = picture->state;
	const struct header *header = &segment->header;
	int result = segment_codec_allocate(picture, segment);
	for (uint32_t y = 0; result == 0 && y < header->height; y += STRIP_ROWS) {
		uint32_t left = header->height - y;
		uint32_t count = left < STRIP_ROWS ? left : STRIP_ROWS;
		result = input_read_at(&picture->input, header->pixel_offset + y * header->stride,
			segment->rows, count * header->stride);
		if (result < 0)
			return segment_codec_fail(picture, "the pixels are cut short");
		segment_codec_draw(segment, target, y, count);
	}
	return result;
}

static void segment_codec_close(struct picture *picture)
{
	struct segment *segment = picture->state;
	if (!segment)
		return;
	free(segment->rows);
	free(segment->converted);
	free(segment);
	picture->state = NULL;
}

const struct codec codec_segment = {
	.type = "segment",
	.open = segment_codec_open,
	.decode = segment_codec_decode,
	.close = segment_codec_close,
};
