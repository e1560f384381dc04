/*
 * Checks the text of an XPM 3 file, and writes it anew for libXpm.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The text that is left to read. */
struct xpm_span {
	const char *at, *end;
};

struct xpm_text {
	char *bytes; /* owned by the caller, ended by NUL */
	size_t size; /* without the NUL */
	uint32_t width, height, colours;
	uint32_t characters; /* for each pixel */
	bool transparent;    /* there is a colour None */
	struct xpm_span after_values;
};

/* Whether a file that begins with these bytes is an XPM 3. */
bool xpm_text_begins(const uint8_t *bytes, size_t size);

/*
 * Reads the values and the colours of `bytes` and sets the other members. Returns NULL, or a
 * static string that says what is wrong.
 */
const char *xpm_text_survey(struct xpm_text *text);

/*
 * Writes a surveyed text anew: values, colours and rows, without comments and extensions.
 * Returns a text ended by NUL, which the caller frees; or NULL and sets *fault to a static
 * string that says what is wrong.
 */
char *xpm_text_rewrite(const struct xpm_text *text, const char **fault);
