/*
 * The pixels of the PNG files that are many.
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
	PACKED = 65536,		 /* bytes of the file for one call of ISA-L */
	BLOCK = 196608,		 /* and those that it makes of them; more where rows are longer */
	ROW_BYTES_MAX = 1 << 24, /* longer rows fit no cache in any case */
	WINDOW_MAX = 32768,
	ZLIB_HEAD = 2,
	COLOURS = 256,
};

struct reader {
	struct idat idat;
	struct target *target;
	enum row row;
	unsigned channels; /* of the file; also the bytes of a pixel */
	size_t pitch;	   /* bytes of a row, its filter's with them */
	uint32_t drawn;	   /* rows */

	/* The row before, what is inflated behind it, and room. */
	uint8_t *bytes;
	size_t size, filled;

	bool indexed;
	uint8_t palette[COLOURS][4];
	uint8_t *colours; /* a row of them, where the canvas takes none directly */

	struct inflate_state inflate;
	uint8_t packed[PACKED];
};

/* ---- What it takes ---- */

static bool png_fast_suits(png_structp codec, png_infop info)
{
	int type = png_get_color_type(codec, info);
	bool key = type != PNG_COLOR_TYPE_PALETTE && png_get_valid(codec, info, PNG_INFO_tRNS);
	return png_get_bit_depth(codec, info) == 8 && !key &&
	       png_get_interlace_type(codec, info) == PNG_INTERLACE_NONE &&
	       png_get_rowbytes(codec, info) <= ROW_BYTES_MAX;
}

/* Colours that the file does not have are opaque black, as libpng makes them. */
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
 * Reads the head of the zlib stream (RFC 1950). zlib refuses what reaches back further than the
 * window that is told here; ISA-L does not, so there has to be no way to do that.
 */
static bool png_fast_read_stream_head(struct reader *reader)
{
	uint8_t head[ZLIB_HEAD];
	if (idat_read(&reader->idat, head, ZLIB_HEAD) != ZLIB_HEAD)
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

/* Inflates into the room that there is. Returns whether it went on, without a fault. */
static bool png_fast_inflate(struct reader *reader)
{
	struct inflate_state *state = &reader->inflate;
	if (state->avail_in == 0) {
		ssize_t got = idat_read(&reader->idat, reader->packed, PACKED);
		if (got < 0)
			return false;
		state->next_in = reader->packed;
		state->avail_in = (uint32_t)got;
	}
	uint32_t room = (uint32_t)(reader->size - reader->filled), packed = state->avail_in;
	state->next_out = reader->bytes + reader->filled;
	state->avail_out = room;
	if (isal_inflate(state) != ISAL_DECOMP_OK)
		return false;
	reader->filled += room - state->avail_out;
	return png_fast_is_finished(reader) || state->avail_out < room || state->avail_in < packed;
}

/* Whether the stream and the data of the IDAT have the same end. ISA-L reads ahead. */
static bool png_fast_ends_well(struct reader *reader)
{
	const struct inflate_state *state = &reader->inflate;
	uint8_t more;
	return state->avail_in == 0 && state->read_in_length < 8 &&
	       idat_read(&reader->idat, &more, 1) == 0;
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

/* Draws what rows there are whole. Returns whether there was nothing wrong with them. */
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
	       png_fast_ends_well(reader) && idat_finish(&reader->idat) == 0;
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
	/* The row before the first one. */
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
	uint64_t taken = input_taken(&picture->input);
	reader->target = target;
	bool done = png_fast_begin(reader, codec, info) &&
		    idat_begin(&reader->idat, &picture->input) == 0 && png_fast_read_all(reader);
	*drawn = reader->drawn;
	free(reader->colours);
	free(reader->bytes);
	free(reader);
	if (!done)
		input_return(&picture->input, taken);
	return done;
}
