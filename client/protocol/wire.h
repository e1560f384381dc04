/*
 * Lines of the protocol: parses a received line in place, and builds a line to send. The grammar
 * and the limits are in shmimg-protocol(7): VERB[ key=value]... with '\n' at the end. Knows no
 * verb and no key, allocates nothing, and does no input or output.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	WIRE_LINE_MAX = 16384, /* bytes of a line, including its '\n' */
	WIRE_FIELDS_MAX = 64,  /* key=value pairs of a line */
};

struct wire_field {
	const char *key;
	const char *value; /* decoded, with one NUL, at its end */
};

struct wire_line {
	const char *verb;
	unsigned count;
	struct wire_field fields[WIRE_FIELDS_MAX];
};

/*
 * Parses text[0..length), a line without its '\n', and decodes its values in place.
 * text[length] becomes NUL. The result points into text.
 * Returns NULL, or a description of the fault in English (a static string).
 */
const char *wire_parse(char *text, size_t length, struct wire_line *line);

/* The value of a key, or NULL if the line does not have the key. */
const char *wire_get(const struct wire_line *line, const char *key);

/*
 * Reads a decimal number: only digits, no sign, no space, at most max.
 * Returns 0 or -EINVAL.
 */
int wire_number(const char *text, uint64_t max, uint64_t *number);

/* A line under construction, in the caller's memory. */
struct wire_writer {
	char *data;
	size_t size;
	size_t length;
	bool full; /* the line did not fit and must not be sent */
};

void wire_begin(struct wire_writer *writer, char *data, size_t size, const char *verb);
void wire_add(struct wire_writer *writer, const char *key, const char *value);
void wire_add_number(struct wire_writer *writer, const char *key, uint64_t number);

/* Adds fields of another writer, beginning with the space before the first key. */
void wire_add_fields(struct wire_writer *writer, const char *fields, size_t length);

/* Ends the line with '\n'. Returns its length, or -EMSGSIZE if it did not fit. */
int wire_end(struct wire_writer *writer);
