/*
 * The text of an XPM 3. libXpm takes memory for whatever sizes a text names, loses some of it
 * over what is wrong, and sees other strings than a reader where comments are odd: so a text
 * is surveyed here first, and libXpm is given one that has nothing but the strings that were
 * found good.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What is left to read. */
struct xpm_span {
	const char *at, *end;
};

struct xpm_text {
	char *bytes; /* the caller's, ended by NUL */
	size_t size; /* without that */
	uint32_t width, height, colours;
	uint32_t characters; /* of a pixel */
	bool transparent;    /* has a colour None */
	struct xpm_span after_values;
};

/* Whether a file that begins like this is such a text. */
bool xpm_text_begins(const uint8_t *bytes, size_t size);

/*
 * Reads the values and the colours of bytes, and sets all else. Returns NULL, or in English
 * what is wrong with it (a static string).
 */
const char *xpm_text_survey(struct xpm_text *text);

/*
 * Writes a surveyed text anew: its values, colours and rows, without comments and extensions.
 * Returns it, ended by NUL and the caller's to free; or NULL, *fault saying why (a static
 * string).
 */
char *xpm_text_rewrite(const struct xpm_text *text, const char **fault);
