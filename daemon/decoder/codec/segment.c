/*
 * A published segment as what a picture is made of (shmimg-segment(5)): a smaller form, or one
 * in another format. Only the daemon says what is a segment, and its header is checked all the
 * same; it is read by pread(2) as files are.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/decoder/codec/codec.h"

struct segment {
	struct header header;
	uint8_t *rows;	    /* as they are in the segment */
	uint8_t *converted; /* a row, straight, of one that is premultiplied */
};

static int segment_fail(struct picture *picture, const char *message)
{
	return picture_fail(picture, FAULT_DECODER_FAILED, "segment: %s", message);
}

/* ---- Header ---- */

static const char *segment_check(struct picture *picture, const struct header *header)
{
	const char *fault = header_check(header, header->segment_size);
	if (fault)
		return fault;
	if (!file_has_size(picture->input.fd, header->segment_size))
		return "it has another size than its header says";
	if (format_pixel_bytes((enum format)header->native) == 0)
		return "the native format is unknown";
	if (!memchr(header->type, 0, sizeof(header->type)))
		return "the type has no end";
	if (header->width > INT32_MAX || header->height > INT32_MAX)
		return "width or height is too much";
	return NULL;
}

/* Of the whole picture; a segment that says nothing of it has all of it. */
static const char *segment_read_full_size(struct picture *picture, const struct header *header)
{
	picture->full_width = header->full_width ? header->full_width : header->width;
	picture->full_height = header->full_height ? header->full_height : header->height;
	if (picture->full_width < header->width || picture->full_height < header->height ||
		picture->full_width > INT32_MAX || picture->full_height > INT32_MAX)
		return "the size of the whole picture cannot be";
	return NULL;
}

static int segment_read_block(struct picture *picture, const struct header_block *block)
{
	if (block->size > JOB_BLOCK_BYTES_MAX)
		return segment_fail(picture, "a metadata block is too large");
	uint8_t *data = malloc(block->size ? block->size : 1);
	if (!data)
		return segment_fail(picture, "no memory for metadata");
	int result = input_look(&picture->input, block->offset, data, block->size);
	if (result < 0)
		segment_fail(picture, "a metadata block cannot be read");
	else
		result = picture_add_block(picture, block->type, data, block->size);
	free(data);
	return result;
}

static int segment_read_header(struct picture *picture, struct header *header)
{
	if (input_look(&picture->input, 0, header, sizeof(*header)) < 0)
		return segment_fail(picture, "it ends too early");
	const char *fault = segment_check(picture, header);
	if (!fault)
		fault = segment_read_full_size(picture, header);
	if (fault)
		return segment_fail(picture, fault);
	picture->width = header->width;
	picture->height = header->height;
	picture->in_order = true;
	picture->native = (enum format)header->native;
	picture->colour = (enum colour_space)header->colour;
	picture->turned_by = header->orientation;
	memcpy(picture->type, header->type, sizeof(picture->type));
	int result = 0;
	for (uint32_t i = 0; result == 0 && i < header->block_count; i++)
		result = segment_read_block(picture, &header->blocks[i]);
	return result;
}

static int open_segment(struct picture *picture)
{
	struct segment *segment = calloc(1, sizeof(*segment));
	if (!segment)
		return segment_fail(picture, "no memory");
	picture->state = segment;
	return segment_read_header(picture, &segment->header);
}

/* ---- Pixels ---- */

/* To 16 bits, in which going back to the same 8 bits is exact. */
static uint16_t segment_divide(unsigned value, unsigned alpha)
{
	unsigned most = 65535;
	return (uint16_t)(value < alpha ? (value * most + alpha / 2) / alpha : most);
}

/* From bytes B G R A, premultiplied, to four of 16 bits, R G B A, straight. */
static void segment_straighten(uint8_t *to, const uint8_t *from, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++, from += 4) {
		uint16_t pixel[4] = {0};
		unsigned alpha = from[3];
		for (unsigned c = 0; alpha > 0 && c < 3; c++)
			pixel[c] = segment_divide(from[2 - c], alpha);
		pixel[3] = (uint16_t)(alpha * 257);
		memcpy(to + i * sizeof(pixel), pixel, sizeof(pixel));
	}
}

/* Draws rows that lie in segment->rows. */
static void segment_draw(struct segment *segment, struct target *target, uint32_t y, uint32_t count)
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
		segment_straighten(
			segment->converted, segment->rows + i * header->stride, header->width);
		target_put(target, &strip);
	}
}

static int segment_make_room(struct picture *picture, struct segment *segment)
{
	segment->rows = reallocarray(NULL, STRIP_ROWS, segment->header.stride);
	bool premultiplied = segment->header.format == FORMAT_BGRA8_PREMUL;
	if (premultiplied)
		segment->converted =
			reallocarray(NULL, segment->header.width, 4 * sizeof(uint16_t));
	if (!segment->rows || (premultiplied && !segment->converted))
		return segment_fail(picture, "no memory for rows");
	return 0;
}

static int segment_decode(struct picture *picture, struct target *target)
{
	struct segment *segment = picture->state;
	const struct header *header = &segment->header;
	int result = segment_make_room(picture, segment);
	for (uint32_t y = 0; result == 0 && y < header->height; y += STRIP_ROWS) {
		uint32_t left = header->height - y;
		uint32_t count = left < STRIP_ROWS ? left : STRIP_ROWS;
		result = input_look(&picture->input, header->pixel_offset + y * header->stride,
			segment->rows, count * header->stride);
		if (result < 0)
			return segment_fail(picture, "its pixels cannot be read");
		segment_draw(segment, target, y, count);
	}
	return result;
}

static void close_segment(struct picture *picture)
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
	.open = open_segment,
	.decode = segment_decode,
	.close = close_segment,
};
