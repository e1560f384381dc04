/*
 * The text of an XPM 3.
 *
 * libXpm allocates memory for any size that a text claims, leaks some of it when it finds an
 * error, and sees other strings than a C compiler where comments are unusual. So the text is
 * surveyed first: it must be long enough for its values (width, height, colours, characters of
 * a pixel), and each colour must be one that libXpm parses correctly. Then a new text is written
 * that has only the strings which were found good, and libXpm gets that one.
 *
 * The text is read by spans: a pointer to the next character, and the end.
 */
#include "config.h"

#include "daemon/decoder/codec/xpm-text.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/decoder/file/picture.h"

enum { CHARACTERS_MAX = 16, COLOUR_BYTES_MIN = 4, HEAD_SIZE = 128 };

static void xpm_text_skip_blanks(struct xpm_span *text)
{
	while (text->at < text->end && isspace((unsigned char)*text->at))
		text->at++;
}

static bool xpm_text_skip_word(struct xpm_span *text, const char *word)
{
	xpm_text_skip_blanks(text);
	size_t length = strlen(word);
	if ((size_t)(text->end - text->at) < length || memcmp(text->at, word, length) != 0)
		return false;
	text->at += length;
	return true;
}

bool xpm_text_begins(const uint8_t *bytes, size_t size)
{
	struct xpm_span text = {(const char *)bytes, (const char *)bytes + size};
	return xpm_text_skip_word(&text, "/*") && xpm_text_skip_word(&text, "XPM") &&
	       xpm_text_skip_word(&text, "*/");
}

/* Skips a comment that begins here. Returns whether there was one. */
static bool xpm_text_skip_comment(struct xpm_span *text)
{
	if (text->end - text->at < 2 || memcmp(text->at, "/*", 2) != 0)
		return false;
	size_t left = (size_t)(text->end - text->at) - 2;
	const char *end = memmem(text->at + 2, left, "*/", 2);
	text->at = end ? end + 2 : text->end;
	return true;
}

/* Skips to the next of two characters outside of comments, and past it. Returns 0 at the end. */
static char xpm_text_find_either(struct xpm_span *text, char one, char other)
{
	while (text->at < text->end) {
		if (xpm_text_skip_comment(text))
			continue;
		char c = *text->at++;
		if (c == one || c == other)
			return c;
	}
	return 0;
}

/* Reads the next string of the C text. Returns whether there is one. */
static bool xpm_text_next_string(struct xpm_span *text, struct xpm_span *string)
{
	if (!xpm_text_find_either(text, '"', '"'))
		return false;
	const char *end = memchr(text->at, '"', (size_t)(text->end - text->at));
	if (!end)
		return false;
	*string = (struct xpm_span){text->at, end};
	text->at = end + 1;
	return true;
}

static bool xpm_text_next_number(struct xpm_span *text, uint32_t *number)
{
	xpm_text_skip_blanks(text);
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

/* Whether the text is long enough for its values. */
static bool xpm_text_is_plausible(const struct xpm_text *text)
{
	if (text->characters == 0 || text->characters > CHARACTERS_MAX || text->colours == 0)
		return false;
	uint64_t pixels = (uint64_t)text->width * text->height;
	uint64_t colours = (uint64_t)text->colours * (text->characters + COLOUR_BYTES_MIN);
	return pixels <= text->size / text->characters && colours <= text->size;
}

/* Whether a colour's text has the word None in it. */
static bool xpm_text_has_none(struct xpm_span colour, uint32_t characters)
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

/* Reads the next word of a colour's text. Returns whether there is one. */
static bool xpm_text_next_word(struct xpm_span *text, struct xpm_span *word)
{
	xpm_text_skip_blanks(text);
	word->at = text->at;
	while (text->at < text->end && !isspace((unsigned char)*text->at))
		text->at++;
	word->end = text->at;
	return word->at < word->end;
}

/* The number of a key: symbolic name, mono, grey or colour. -1 if the word is no key. */
static int xpm_text_find_key(struct xpm_span word)
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
 * Whether libXpm parses a colour's text correctly. It leaks a value whose key comes twice, reads
 * beyond the end of a text that is too short, and truncates long words.
 */
static bool xpm_text_is_sound(struct xpm_span colour, uint32_t characters)
{
	size_t length = (size_t)(colour.end - colour.at);
	unsigned seen = 0;
	bool after_key = false;
	struct xpm_span word;
	if (length < characters || length >= BUFSIZ)
		return false;
	colour.at += characters;
	while (xpm_text_next_word(&colour, &word)) {
		int key = after_key ? -1 : xpm_text_find_key(word);
		after_key = key >= 0;
		if (key >= 0 && seen & 1u << key)
			return false;
		if (key >= 0)
			seen |= 1u << key;
	}
	return true;
}

const char *xpm_text_survey(struct xpm_text *text)
{
	struct xpm_span rest = {text->bytes, text->bytes + text->size};
	struct xpm_span string;
	if (memchr(text->bytes, 0, text->size))
		return "the file has a NUL byte, so it is not a text";
	if (!xpm_text_next_string(&rest, &string) || !xpm_text_next_number(&string, &text->width) ||
		!xpm_text_next_number(&string, &text->height) ||
		!xpm_text_next_number(&string, &text->colours) ||
		!xpm_text_next_number(&string, &text->characters))
		return "the numbers for width, height and colours are missing";
	if (!xpm_text_is_plausible(text))
		return "the file is too short for its width, height and colours";
	text->after_values = rest;
	for (uint32_t i = 0; i < text->colours; i++) {
		if (!xpm_text_next_string(&rest, &string))
			return "the file is cut short in its colours";
		if (!xpm_text_is_sound(string, text->characters))
			return "a colour is too short, too long, or has a key twice";
		if (xpm_text_has_none(string, text->characters))
			text->transparent = true;
	}
	return NULL;
}

/* Whether the array is closed after the rows: the file is whole then. */
static bool xpm_text_is_ended(struct xpm_span rest)
{
	struct xpm_span string;
	char c;
	while ((c = xpm_text_find_either(&rest, '"', '}')) == '"') {
		rest.at--;
		if (!xpm_text_next_string(&rest, &string))
			return false;
	}
	return c == '}';
}

static char *xpm_text_put_string(char *to, struct xpm_span string)
{
	size_t length = (size_t)(string.end - string.at);
	*to++ = '"';
	memcpy(to, string.at, length);
	to += length;
	*to++ = '"';
	return to;
}

/* Writes the colours and rows of a text. Returns NULL, or what is wrong with the rows. */
static const char *xpm_text_put_strings(const struct xpm_text *text, char *to)
{
	struct xpm_span rest = text->after_values;
	struct xpm_span string = {NULL, NULL};
	for (uint32_t i = 0; i < text->colours; i++) {
		xpm_text_next_string(&rest, &string);
		to = xpm_text_put_string(to, string);
	}
	size_t row = (size_t)text->width * text->characters;
	for (uint32_t i = 0; i < text->height; i++) {
		if (!xpm_text_next_string(&rest, &string))
			return "the file is cut short";
		if ((size_t)(string.end - string.at) < row)
			return "a row is shorter than the width";
		string.end = string.at + row;
		to = xpm_text_put_string(to, string);
	}
	memcpy(to, "};", sizeof("};"));
	return xpm_text_is_ended(rest) ? NULL : "the file is cut short";
}

char *xpm_text_rewrite(const struct xpm_text *text, const char **fault)
{
	char *plain = malloc(HEAD_SIZE + text->size);
	if (!plain) {
		*fault = PICTURE_NO_MEMORY;
		return NULL;
	}
	int head = snprintf(plain, HEAD_SIZE,
		"/* XPM */\nstatic char *image[] = {\n\"%" PRIu32 " %" PRIu32 " %" PRIu32
		" %" PRIu32 "\"",
		text->width, text->height, text->colours, text->characters);
	*fault = xpm_text_put_strings(text, plain + head);
	if (*fault) {
		free(plain);
		return NULL;
	}
	return plain;
}
