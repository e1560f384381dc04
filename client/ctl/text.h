/*
 * Text for the user: sizes, durations, the width in a terminal, and removal of control characters.
 * Text is UTF-8, whatever the locale.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A short text, returned by value. */
struct text {
	char data[32];
};

/* "512 B", "31.6 MiB": powers of 1024. */
struct text text_bytes(uint64_t bytes);

/* "0.42 ms", "12.3 ms", "9.2 s", "2 min 05 s", "3 h 05 min", "2 d 3 h". */
struct text text_duration(double seconds);

/* "0:05", "1:02:03". */
struct text text_clock(double seconds);

/* The width of a text in a terminal, in columns. */
unsigned text_width(const char *text);

/*
 * Copies a text. If it is wider than columns, an ellipsis replaces its start (keep_end) or its end.
 * Returns the width of the copy.
 */
unsigned text_fit(char *out, size_t size, const char *text, unsigned columns, bool keep_end);

/* Replaces control characters by '?', in place. */
void text_make_safe(char *text);

/* The columns of the terminal of a descriptor; 0: not a terminal. */
unsigned text_columns(int fd);

/* Reads seconds, such as "2" or "0.5", as milliseconds. Returns 0 or -EINVAL. */
int text_parse_seconds(const char *text, int *milliseconds);
