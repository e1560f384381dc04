/*
 * PNG by ISA-L.
 *
 * libpng inflates by zlib, row by row, and unfilters by its own loops. Here ISA-L inflates blocks
 * of many rows, which is much faster, and png-filter.h undoes the filters while the rows are in
 * the cache. Each row then goes to the target.
 *
 * The buffer holds the row before (needed by the filters) and behind it the inflated bytes. Whole
 * rows are drawn from it, and the last of them, with the part of the next, moves to its start.
 *
 * This file never decides that a PNG file is broken. Whatever it finds wrong, or only unusual,
 * makes it give up, and libpng starts again. So it has to be at least as strict as libpng: it
 * checks the head of the zlib stream, every filter's number, the number of rows, the end of the
 * stream, and the CRC of every chunk.
 */
#include "config.h"

#include "daemon/decoder/codec/png-fast.h"

#include <stdlib.h>
#include <string.h>

#include <isa-l/igzip_lib.h>

#include "daemon/decoder/codec/png-filter.h"
#include "daemon/decoder/codec/png-idat.h"
#include "daemon/decoder/pixel/target.h"

enum {
	PACKED = 65536,		 /* bytes of compressed data for one call of ISA-L */
	BLOCK = 196608,		 /* bytes of inflated data, at least */
	ROW_BYTES_MAX = 1 << 24, /* longer rows fit into no cache */
	WINDOW_MAX = 32768,
	ZLIB_HEAD = 2,
	COLOURS = 256,
};

struct reader {
	struct png_idat idat;
	struct target *target;
	enum row row;
	unsigned channels; /* in the file, which are the bytes of a pixel */
	size_t pitch;	   /* bytes of a row, with the byte of its filter */
	uint32_t drawn;	   /* rows */

	/* The row before, then inflated bytes, then free bytes. */
	uint8_t *bytes;
	size_t size, filled;

	bool indexed;
	uint8_t palette[COLOURS][4];
	uint8_t *colours; /* a row of them, if the target needs conversion */

	struct inflate_state inflate;
	uint8_t packed[PACKED];
};

/* ---- Files that it decodes ---- */

static bool png_fast_suits(png_structp codec, png_infop info)
{
	int type = png_get_color_type(codec, info);
	bool key = type != PNG_COLOR_TYPE_PALETTE && png_get_valid(codec, info, PNG_INFO_tRNS);
	return png_get_bit_depth(codec, info) == 8 && !key &&
	       png_get_interlace_type(codec, info) == PNG_INTERLACE_NONE &&
	       png_get_rowbytes(codec, info) <= ROW_BYTES_MAX;
}

/* Indices beyond the palette are opaque black, as in libpng. */
static void png_fast_read_palette(struct reader *reader, png_structp codec, png_infop info)
{
	png_colorp colours = NULL;
	png_bytep alphas = NULL;
	int colour_count = 0, alpha_count = 0;
	png_get_PLTE(codec, info, &colours, &colour_count);
	png_get_tRNS(codec, info, &alphas, &alpha_count, NULL);
	for (int i = 0; i < COLOURS; i++) {
		uint8_t *entry = reader->palette[i];
		if (i < colour_count)
			memcpy(entry,
				(uint8_t[]){colours[i].red, colours[i].green, colours[i].blue}, 3);
		entry[3] = i < alpha_count && alphas ? alphas[i] : 255;
	}
}

/* ---- Inflating ---- */

/*
 * Reads the head of the zlib stream (RFC 1950), which gives the size of the window. zlib refuses
 * a reference further back than the window; ISA-L allows it. So the window must be as large as
 * the data, or as the largest window: then no reference is further back.
 */
static bool png_fast_read_stream_head(struct reader *reader)
{
	uint8_t head[ZLIB_HEAD];
	if (png_idat_read(&reader->idat, head, ZLIB_HEAD) != ZLIB_HEAD)
		return false;
	unsigned method = head[0] & 15u, window_bits = (head[0] >> 4) + 8u;
	bool dictionary = head[1] & 0x20;
	if (method != 8 || window_bits > 15 || dictionary || (head[0] << 8 | head[1]) % 31 != 0)
		return false;
	uint64_t reach = (uint64_t)reader->pitch * reader->target->height;
	return 1u << window_bits >= (reach < WINDOW_MAX ? reach : WINDOW_MAX);
}

static bool png_fast_is_finished(const struct reader *reader)
{
	return reader->inflate.block_state == ISAL_BLOCK_FINISH;
}

/* Inflates into the free bytes. Returns whether it made progress, without an error. */
static bool png_fast_inflate(struct reader *reader)
{
	struct inflate_state *state = &reader->inflate;
	if (state->avail_in == 0) {
		ssize_t got = png_idat_read(&reader->idat, reader->packed, PACKED);
		if (got < 0)
			return false;
		state->next_in = reader->packed;
		state->avail_in = (uint32_t)got;
	}
	uint32_t capacity = (uint32_t)(reader->size - reader->filled), packed = state->avail_in;
	state->next_out = reader->bytes + reader->filled;
	state->avail_out = capacity;
	if (isal_inflate(state) != ISAL_DECOMP_OK)
		return false;
	reader->filled += capacity - state->avail_out;
	return png_fast_is_finished(reader) || state->avail_out < capacity ||
	       state->avail_in < packed;
}

/* Whether the stream ends where the data of the last IDAT ends. ISA-L reads ahead. */
static bool png_fast_ends_well(struct reader *reader)
{
	const struct inflate_state *state = &reader->inflate;
	uint8_t more;
	return state->avail_in == 0 && state->read_in_length < 8 &&
	       png_idat_read(&reader->idat, &more, 1) == 0;
}

/* ---- Rows ---- */

static void png_fast_draw_indexed(struct reader *reader, const uint8_t *indices)
{
	struct target *target = reader->target;
	uint8_t *to = reader->colours;
	bool direct = target_is_direct(target, ROW_RGBA8);
	if (direct)
		target_rows(target, reader->drawn, 1, &to);
	for (uint32_t x = 0; x < target->width; x++)
		memcpy(to + (size_t)x * 4, reader->palette[indices[x]], 4);
	struct strip strip = {.pixels = to,
		.row = ROW_RGBA8,
		.rows = 1,
		.count = target->width,
		.y = reader->drawn,
		.step = 1};
	if (!direct)
		target_put(target, &strip);
}

static void png_fast_draw(struct reader *reader, const uint8_t *pixels)
{
	struct strip strip = {.pixels = pixels,
		.row = reader->row,
		.rows = 1,
		.count = reader->target->width,
		.y = reader->drawn,
		.step = 1};
	if (reader->indexed)
		png_fast_draw_indexed(reader, pixels);
	else
		target_put(reader->target, &strip);
	reader->drawn++;
}

/* Draws all rows that are complete. Returns whether they are valid. */
static bool png_fast_draw_rows(struct reader *reader)
{
	size_t pitch = reader->pitch, at = pitch;
	for (; reader->filled - at >= pitch; at += pitch) {
		uint8_t *row = reader->bytes + at;
		if (reader->drawn == reader->target->height || *row >= PNG_FILTERS)
			return false;
		png_unfilter((enum png_filter) * row, row + 1, row + 1 - pitch, pitch - 1,
			reader->channels);
		png_fast_draw(reader, row + 1);
	}
	reader->filled -= at - pitch;
	memmove(reader->bytes, reader->bytes + at - pitch, reader->filled);
	return true;
}

static bool png_fast_read_all(struct reader *reader)
{
	if (!png_fast_read_stream_head(reader))
		return false;
	while (!png_fast_is_finished(reader)) {
		if (!png_fast_inflate(reader) || !png_fast_draw_rows(reader))
			return false;
	}
	return reader->drawn == reader->target->height && reader->filled == reader->pitch &&
	       png_fast_ends_well(reader) && png_idat_finish(&reader->idat) == 0;
}

/* ---- Begin and end ---- */

static bool png_fast_begin(struct reader *reader, png_structp codec, png_infop info)
{
	static const enum row rows[] = {ROW_GRAY8, ROW_GRAYALPHA8, ROW_RGB8, ROW_RGBA8};
	reader->channels = png_get_channels(codec, info);
	reader->row = rows[(reader->channels - 1) & 3];
	reader->pitch = png_get_rowbytes(codec, info) + 1;
	reader->indexed = png_get_color_type(codec, info) == PNG_COLOR_TYPE_PALETTE;
	reader->size = 3 * reader->pitch > BLOCK ? 3 * reader->pitch : BLOCK;
	reader->bytes = malloc(reader->size);
	if (reader->indexed) {
		png_fast_read_palette(reader, codec, info);
		reader->colours = reallocarray(NULL, reader->target->width, 4);
	}
	if (!reader->bytes || (reader->indexed && !reader->colours))
		return false;
	/* The row before the first one is all 0. */
	memset(reader->bytes, 0, reader->pitch);
	reader->filled = reader->pitch;
	isal_inflate_init(&reader->inflate);
	reader->inflate.crc_flag = ISAL_ZLIB_NO_HDR_VER;
	return true;
}

bool png_fast_decode(png_structp codec, png_infop info, struct picture *picture,
	struct target *target, uint32_t *drawn)
{
	*drawn = 0;
	struct reader *reader = png_fast_suits(codec, info) ? calloc(1, sizeof(*reader)) : NULL;
	if (!reader)
		return false;
	uint64_t taken = input_position(&picture->input);
	reader->target = target;
	bool done = png_fast_begin(reader, codec, info) &&
		    png_idat_begin(&reader->idat, &picture->input) == 0 &&
		    png_fast_read_all(reader);
	*drawn = reader->drawn;
	free(reader->colours);
	free(reader->bytes);
	free(reader);
	if (!done)
		input_seek(&picture->input, taken);
	return done;
}
