/*
 * XPM 3 by libXpm.
 *
 * The whole file is read into memory: XPM is a C text, in which a pixel may be anywhere. libXpm
 * is old and trusts its input, so it never sees the file: xpm-text.h checks the text and writes it
 * anew, and libXpm parses that. libXpm's functions for files are not used, for they may run
 * gzip, and neither are those that ask an X server for colours: names are looked up in
 * xpm-colours.h.
 */
#include "config.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <X11/xpm.h>

#include "daemon/decoder/codec/codec.h"
#include "daemon/decoder/codec/xpm-colours.h"
#include "daemon/decoder/codec/xpm-text.h"

enum { FILE_MAX = 64 << 20 };

struct xpm {
	struct xpm_text text;
	XpmImage image;
	uint16_t (*palette)[4]; /* R G B A */
	uint16_t *row;
};

static int xpm_codec_survey(struct picture *picture, struct xpm *xpm)
{
	const char *fault = xpm_text_survey(&xpm->text);
	if (fault)
		return picture_fail(picture, FAULT_NOT_AN_IMAGE, "XPM: %s", fault);
	picture->width = xpm->text.width;
	picture->height = xpm->text.height;
	picture->in_order = true;
	picture->native = xpm->text.transparent ? FORMAT_RGBA8 : FORMAT_RGB8;
	return 0;
}

static int xpm_codec_read_file(struct picture *picture, struct xpm_text *text)
{
	size_t capacity = 0;
	for (;;) {
		const uint8_t *bytes;
		ssize_t got = input_peek(&picture->input, &bytes);
		if (got < 0)
			return picture_fail(
				picture, FAULT_DECODER_FAILED, "XPM: the file cannot be read");
		if (got == 0)
			return 0;
		if (text->size + (size_t)got > FILE_MAX)
			return picture_fail(picture, FAULT_TOO_LARGE,
				"XPM: the file is larger than %d MiB: save it as PNG",
				FILE_MAX >> 20);
		if (text->size + (size_t)got >= capacity) {
			capacity = 2 * (text->size + (size_t)got);
			char *more = realloc(text->bytes, capacity);
			if (!more)
				return picture_fail(
					picture, FAULT_DECODER_FAILED, PICTURE_NO_MEMORY);
			text->bytes = more;
		}
		memcpy(text->bytes + text->size, bytes, (size_t)got);
		text->size += (size_t)got;
		text->bytes[text->size] = '\0';
		input_skip(&picture->input, (uint64_t)got);
	}
}

static int xpm_codec_open(struct picture *picture)
{
	struct xpm *xpm = calloc(1, sizeof(*xpm));
	if (!xpm)
		return picture_fail(picture, FAULT_DECODER_FAILED, PICTURE_NO_MEMORY);
	picture->state = xpm;
	int result = xpm_codec_read_file(picture, &xpm->text);
	return result ? result : xpm_codec_survey(picture, xpm);
}

/* ---- Colours ---- */

/* #rgb to #rrrrggggbbbb: each channel is scaled to 16 bits. */
static bool xpm_codec_read_hex(const char *digits, uint16_t *colour)
{
	size_t length = strlen(digits);
	if (length == 0 || length % 3 || length > 12)
		return false;
	for (size_t i = 0; i < 3; i++) {
		uint32_t value = 0;
		uint32_t max = 0;
		for (size_t j = 0; j < length / 3; j++) {
			int c = tolower((unsigned char)*digits++);
			if (!isxdigit(c))
				return false;
			value = value << 4 | (uint32_t)(c <= '9' ? c - '0' : c - 'a' + 10);
			max = max << 4 | 15;
		}
		colour[i] = (uint16_t)((value * UINT64_C(65535) + max / 2) / max);
	}
	return true;
}

static bool xpm_codec_read_colour(const char *name, uint16_t *colour)
{
	colour[3] = 65535;
	if (name[0] == '#')
		return xpm_codec_read_hex(name + 1, colour);
	if (strcasecmp(name, "none") == 0) {
		memset(colour, 0, 4 * sizeof(*colour));
		return true;
	}
	uint32_t value;
	if (xpm_colour_from_string(name, &value) < 0)
		return false;
	colour[0] = (uint16_t)((value >> 16) * 257);
	colour[1] = (uint16_t)((value >> 8 & 255) * 257);
	colour[2] = (uint16_t)((value & 255) * 257);
	return true;
}

static int xpm_codec_read_palette(struct picture *picture, struct xpm *xpm)
{
	xpm->palette = calloc(xpm->image.ncolors, sizeof(*xpm->palette));
	if (!xpm->palette)
		return picture_fail(picture, FAULT_DECODER_FAILED, PICTURE_NO_MEMORY);
	for (unsigned i = 0; i < xpm->image.ncolors; i++) {
		const XpmColor *colour = &xpm->image.colorTable[i];
		const char *name = colour->c_color    ? colour->c_color
				   : colour->g_color  ? colour->g_color
				   : colour->g4_color ? colour->g4_color
						      : colour->m_color;
		if (!name)
			return picture_fail(
				picture, FAULT_NOT_AN_IMAGE, "XPM: a colour has no value");
		if (!xpm_codec_read_colour(name, xpm->palette[i]))
			return picture_fail(picture, FAULT_NOT_AN_IMAGE,
				"XPM: unknown colour \"%.40s\": write it as #RRGGBB", name);
	}
	return 0;
}

/* ---- Pixels ---- */

/* A fault of the file, unless memory is missing. */
static enum fault xpm_codec_fault(bool no_memory)
{
	return no_memory ? FAULT_DECODER_FAILED : FAULT_NOT_AN_IMAGE;
}

static int xpm_codec_parse(struct picture *picture, struct xpm *xpm)
{
	const char *fault;
	char *plain = xpm_text_rewrite(&xpm->text, &fault);
	if (!plain)
		return picture_fail(picture, xpm_codec_fault(strcmp(fault, PICTURE_NO_MEMORY) == 0),
			"XPM: %s", fault);
	int status = XpmCreateXpmImageFromBuffer(plain, &xpm->image, NULL);
	free(plain);
	if (status != XpmSuccess) {
		memset(&xpm->image, 0, sizeof(xpm->image));
		return picture_fail(picture, xpm_codec_fault(status == XpmNoMemory),
			"XPM: libXpm reports %s", XpmGetErrorString(status));
	}
	return xpm_codec_read_palette(picture, xpm);
}

static int xpm_codec_decode(struct picture *picture, struct target *target)
{
	struct xpm *xpm = picture->state;
	int result = xpm_codec_parse(picture, xpm);
	if (result < 0)
		return result;
	xpm->row = calloc(xpm->text.width, sizeof(*xpm->palette));
	if (!xpm->row)
		return picture_fail(picture, FAULT_DECODER_FAILED, PICTURE_NO_MEMORY);
	struct strip strip = {.pixels = (const uint8_t *)xpm->row,
		.row = ROW_RGBA16,
		.rows = 1,
		.count = xpm->text.width,
		.step = 1};
	const unsigned *pixels = xpm->image.data;
	for (; strip.y < xpm->text.height; strip.y++) {
		for (size_t x = 0; x < xpm->text.width; x++, pixels++) {
			if (*pixels >= xpm->image.ncolors)
				return picture_fail(picture, FAULT_NOT_AN_IMAGE,
					"XPM: a pixel has a colour that is not defined");
			memcpy(xpm->row + 4 * x, xpm->palette[*pixels], sizeof(*xpm->palette));
		}
		target_put(target, &strip);
	}
	return 0;
}

static void xpm_codec_close(struct picture *picture)
{
	struct xpm *xpm = picture->state;
	if (!xpm)
		return;
	XpmFreeXpmImage(&xpm->image);
	free(xpm->palette);
	free(xpm->row);
	free(xpm->text.bytes);
	free(xpm);
	picture->state = NULL;
}

const struct codec codec_xpm = {
	.type = "XPM",
	.probe = xpm_text_begins,
	.open = xpm_codec_open,
	.decode = xpm_codec_decode,
	.close = xpm_codec_close,
};
