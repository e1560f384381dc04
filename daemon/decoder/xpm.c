/*
 * XPM 3 by libXpm, from memory: no X server is asked, no file opened, no command run. The
 * text is surveyed first, since libXpm takes memory for whatever sizes it names.
 */
#include "config.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <X11/xpm.h>

#include "daemon/decoder/codec.h"
#include "daemon/decoder/xpm-colours.h"

enum { FILE_MAX = 64 << 20, CHARACTERS_MAX = 16, COLOUR_BYTES_MIN = 4 };

/* What is left to read of the text. */
struct text {
	const char *at, *end;
};

struct xpm {
	char *file; /* ended by NUL */
	size_t size;
	uint32_t width, height, colours, characters; /* the last: of a pixel */
	struct text pixels;			     /* what comes after the colours */
	XpmImage image;
	uint16_t (*palette)[4]; /* R G B A */
	uint16_t *row;
};

/* ---- Survey of the text ---- */

static void skip_blanks(struct text *text)
{
	while (text->at < text->end && isspace((unsigned char)*text->at))
		text->at++;
}

static bool skip_word(struct text *text, const char *word)
{
	skip_blanks(text);
	size_t length = strlen(word);
	if ((size_t)(text->end - text->at) < length || memcmp(text->at, word, length) != 0)
		return false;
	text->at += length;
	return true;
}

static bool probe(const uint8_t *bytes, size_t size)
{
	struct text text = {(const char *)bytes, (const char *)bytes + size};
	return skip_word(&text, "/*") && skip_word(&text, "XPM") && skip_word(&text, "*/");
}

/* Goes past a comment that begins here. Returns whether one did. */
static bool skip_comment(struct text *text)
{
	if (text->end - text->at < 2 || memcmp(text->at, "/*", 2) != 0)
		return false;
	size_t left = (size_t)(text->end - text->at) - 2;
	const char *end = memmem(text->at + 2, left, "*/", 2);
	text->at = end ? end + 2 : text->end;
	return true;
}

/* Goes to the next one of two characters outside of comments, and past it. 0 at the end. */
static char find_either(struct text *text, char one, char other)
{
	while (text->at < text->end) {
		if (skip_comment(text))
			continue;
		char c = *text->at++;
		if (c == one || c == other)
			return c;
	}
	return 0;
}

/* Takes the next string of the C text. Returns whether there is one. */
static bool next_string(struct text *text, struct text *string)
{
	if (!find_either(text, '"', '"'))
		return false;
	const char *end = memchr(text->at, '"', (size_t)(text->end - text->at));
	if (!end)
		return false;
	*string = (struct text){text->at, end};
	text->at = end + 1;
	return true;
}

static bool next_number(struct text *text, uint32_t *number)
{
	skip_blanks(text);
	uint64_t value = 0;
	const char *start = text->at;
	for (; text->at < text->end && isdigit((unsigned char)*text->at); text->at++) {
		value = value * 10 + (uint64_t)(*text->at - '0');
		if (value > INT32_MAX)
			return false;
	}
	*number = (uint32_t)value;
	return text->at > start;
}

/* Whether the text is long enough for what its values say: then they are believed. */
static bool is_plausible(const struct xpm *xpm)
{
	if (xpm->characters == 0 || xpm->characters > CHARACTERS_MAX || xpm->colours == 0)
		return false;
	uint64_t pixels = (uint64_t)xpm->width * xpm->height;
	uint64_t colours = (uint64_t)xpm->colours * (xpm->characters + COLOUR_BYTES_MIN);
	return pixels <= xpm->size / xpm->characters && colours <= xpm->size;
}

/* Whether a colour's text has the word None in it. */
static bool has_none(struct text colour, uint32_t characters)
{
	if ((size_t)(colour.end - colour.at) <= characters)
		return false;
	colour.at += characters;
	for (; colour.end - colour.at >= 4; colour.at++) {
		if (strncasecmp(colour.at, "none", 4) == 0)
			return true;
	}
	return false;
}

/* Takes the next word of a colour's text. Returns whether there is one. */
static bool next_word(struct text *text, struct text *word)
{
	skip_blanks(text);
	word->at = text->at;
	while (text->at < text->end && !isspace((unsigned char)*text->at))
		text->at++;
	word->end = text->at;
	return word->at < word->end;
}

/* Which visual a word stands for, or what is symbolic; -1: it is no such key. */
static int find_key(struct text word)
{
	static const char *const keys[] = {"s", "m", "g4", "g", "c"};
	size_t length = (size_t)(word.end - word.at);
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (strlen(keys[i]) == length && memcmp(keys[i], word.at, length) == 0)
			return (int)i;
	}
	return -1;
}

/*
 * Whether libXpm reads a colour's text as it is meant. It loses the memory of a value whose
 * key comes twice, reads on behind a text that is too short, and cuts words that are long.
 */
static bool is_sound(struct text colour, uint32_t characters)
{
	size_t length = (size_t)(colour.end - colour.at);
	unsigned seen = 0;
	bool after_key = false;
	struct text word;
	if (length < characters || length >= BUFSIZ)
		return false;
	colour.at += characters;
	while (next_word(&colour, &word)) {
		int key = after_key ? -1 : find_key(word);
		after_key = key >= 0;
		if (key >= 0 && seen & 1u << key)
			return false;
		if (key >= 0)
			seen |= 1u << key;
	}
	return true;
}

static int survey(struct picture *picture, struct xpm *xpm)
{
	struct text text = {xpm->file, xpm->file + xpm->size};
	struct text string;
	if (memchr(xpm->file, 0, xpm->size))
		return picture_fail(picture, FAULT_NOT_AN_IMAGE, "XPM: it is no text");
	if (!next_string(&text, &string) || !next_number(&string, &xpm->width) ||
		!next_number(&string, &xpm->height) || !next_number(&string, &xpm->colours) ||
		!next_number(&string, &xpm->characters))
		return picture_fail(picture, FAULT_NOT_AN_IMAGE, "XPM: it has no line of values");
	if (!is_plausible(xpm))
		return picture_fail(picture, FAULT_NOT_AN_IMAGE,
			"XPM: the file is too short for the values that it begins with");
	picture->width = xpm->width;
	picture->height = xpm->height;
	picture->in_order = true;
	picture->native = FORMAT_RGB8;
	for (uint32_t i = 0; i < xpm->colours; i++) {
		if (!next_string(&text, &string))
			return picture_fail(picture, FAULT_NOT_AN_IMAGE,
				"XPM: the file ends among its colours");
		if (!is_sound(string, xpm->characters))
			return picture_fail(picture, FAULT_NOT_AN_IMAGE,
				"XPM: a colour is too short, too long or given twice");
		if (has_none(string, xpm->characters))
			picture->native = FORMAT_RGBA8;
	}
	xpm->pixels = text;
	return 0;
}

static int read_file(struct picture *picture, struct xpm *xpm)
{
	size_t room = 0;
	for (;;) {
		const uint8_t *bytes;
		ssize_t got = input_peek(&picture->input, &bytes);
		if (got < 0)
			return picture_fail(picture, FAULT_DECODER_FAILED, "XPM: read error");
		if (got == 0)
			return 0;
		if (xpm->size + (size_t)got > FILE_MAX)
			return picture_fail(
				picture, FAULT_TOO_LARGE, "XPM: more than %d bytes", FILE_MAX);
		if (xpm->size + (size_t)got >= room) {
			room = 2 * (xpm->size + (size_t)got);
			char *more = realloc(xpm->file, room);
			if (!more)
				return picture_fail(
					picture, FAULT_DECODER_FAILED, "XPM: no memory");
			xpm->file = more;
		}
		memcpy(xpm->file + xpm->size, bytes, (size_t)got);
		xpm->size += (size_t)got;
		xpm->file[xpm->size] = '\0';
		input_skip(&picture->input, (uint64_t)got);
	}
}

static int open_xpm(struct picture *picture)
{
	struct xpm *xpm = calloc(1, sizeof(*xpm));
	if (!xpm)
		return picture_fail(picture, FAULT_DECODER_FAILED, "XPM: no memory");
	picture->state = xpm;
	int result = read_file(picture, xpm);
	return result ? result : survey(picture, xpm);
}

/* ---- Colours ---- */

/* #rgb to #rrrrggggbbbb, each channel spread over 16 bits. */
static bool read_hex(const char *digits, uint16_t *colour)
{
	size_t length = strlen(digits);
	if (length == 0 || length % 3 || length > 12)
		return false;
	for (size_t i = 0; i < 3; i++) {
		uint32_t value = 0;
		uint32_t most = 0;
		for (size_t j = 0; j < length / 3; j++) {
			int c = tolower((unsigned char)*digits++);
			if (!isxdigit(c))
				return false;
			value = value << 4 | (uint32_t)(c <= '9' ? c - '0' : c - 'a' + 10);
			most = most << 4 | 15;
		}
		colour[i] = (uint16_t)((value * UINT64_C(65535) + most / 2) / most);
	}
	return true;
}

static bool read_colour(const char *name, uint16_t *colour)
{
	colour[3] = 65535;
	if (name[0] == '#')
		return read_hex(name + 1, colour);
	if (strcasecmp(name, "none") == 0) {
		memset(colour, 0, 4 * sizeof(*colour));
		return true;
	}
	uint32_t value;
	if (xpm_colour_find(name, &value) < 0)
		return false;
	colour[0] = (uint16_t)((value >> 16) * 257);
	colour[1] = (uint16_t)((value >> 8 & 255) * 257);
	colour[2] = (uint16_t)((value & 255) * 257);
	return true;
}

static int read_palette(struct picture *picture, struct xpm *xpm)
{
	xpm->palette = calloc(xpm->image.ncolors, sizeof(*xpm->palette));
	if (!xpm->palette)
		return picture_fail(picture, FAULT_DECODER_FAILED, "XPM: no memory for colours");
	for (unsigned i = 0; i < xpm->image.ncolors; i++) {
		const XpmColor *colour = &xpm->image.colorTable[i];
		const char *name = colour->c_color    ? colour->c_color
				   : colour->g_color  ? colour->g_color
				   : colour->g4_color ? colour->g4_color
						      : colour->m_color;
		if (!name)
			return picture_fail(
				picture, FAULT_DECODER_FAILED, "XPM: a colour has no value");
		if (!read_colour(name, xpm->palette[i]))
			return picture_fail(picture, FAULT_DECODER_FAILED,
				"XPM: the colour \"%.40s\" is unknown", name);
	}
	return 0;
}

/* ---- Pixels ---- */

/* Whether the array ends after its rows, and so the file is whole: libXpm does not look. */
static bool is_ended(const struct xpm *xpm)
{
	struct text text = xpm->pixels;
	struct text string;
	for (uint32_t i = 0; i < xpm->height; i++) {
		if (!next_string(&text, &string))
			return false;
	}
	char c;
	while ((c = find_either(&text, '"', '}')) == '"') {
		text.at--;
		if (!next_string(&text, &string))
			return false;
	}
	return c == '}';
}

static int parse(struct picture *picture, struct xpm *xpm)
{
	if (!is_ended(xpm))
		return picture_fail(picture, FAULT_DECODER_FAILED, "XPM: the file ends too early");
	int status = XpmCreateXpmImageFromBuffer(xpm->file, &xpm->image, NULL);
	if (status != XpmSuccess) {
		memset(&xpm->image, 0, sizeof(xpm->image));
		return picture_fail(
			picture, FAULT_DECODER_FAILED, "XPM: %s", XpmGetErrorString(status));
	}
	if (xpm->image.width != xpm->width || xpm->image.height != xpm->height)
		return picture_fail(picture, FAULT_DECODER_FAILED, "XPM: its values are unclear");
	return read_palette(picture, xpm);
}

static int decode(struct picture *picture, struct canvas *canvas)
{
	struct xpm *xpm = picture->state;
	int result = parse(picture, xpm);
	if (result < 0)
		return result;
	xpm->row = calloc(xpm->width, sizeof(*xpm->palette));
	if (!xpm->row)
		return picture_fail(picture, FAULT_DECODER_FAILED, "XPM: no memory for a row");
	struct strip strip = {.pixels = (const uint8_t *)xpm->row,
		.row = ROW_RGBA16,
		.rows = 1,
		.count = xpm->width,
		.step = 1};
	const unsigned *pixels = xpm->image.data;
	for (; strip.y < xpm->height; strip.y++) {
		for (size_t x = 0; x < xpm->width; x++, pixels++) {
			if (*pixels >= xpm->image.ncolors)
				return picture_fail(picture, FAULT_DECODER_FAILED,
					"XPM: a pixel has no colour");
			memcpy(xpm->row + 4 * x, xpm->palette[*pixels], sizeof(*xpm->palette));
		}
		canvas_put(canvas, &strip);
	}
	return 0;
}

static void close_xpm(struct picture *picture)
{
	struct xpm *xpm = picture->state;
	if (!xpm)
		return;
	XpmFreeXpmImage(&xpm->image);
	free(xpm->palette);
	free(xpm->row);
	free(xpm->file);
	free(xpm);
	picture->state = NULL;
}

const struct codec codec_xpm = {
	.type = "XPM",
	.probe = probe,
	.open = open_xpm,
	.decode = decode,
	.close = close_xpm,
};
