/*
 * Text for people: sizes, durations, columns of a terminal, and what is safe to show.
 * Assumes UTF-8; reads no locale and writes to no file.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A short text by value. */
struct text {
	char data[32];
};

/* "512 B", "31.6 MiB": powers of 1024, one digit after the point. */
struct text text_bytes(uint64_t bytes);

/* "0.42 ms", "12.3 ms", "9.2 s", "2 min 05 s", "3 h 05 min", "2 d 3 h". */
struct text text_duration(double seconds);

/* "0:05", "1:02:03". */
struct text text_clock(double seconds);

/* The columns that a text takes in a terminal. */
unsigned text_width(const char *text);

/*
 * Copies as much of a text as fits in columns, an ellipsis in place of its beginning (or
 * its end) if it is too wide. The columns that it takes are returned.
 */
unsigned text_fit(char *out, size_t size, const char *text, unsigned columns, bool keep_end);

/* Replaces control characters by '?', in place. */
void text_make_safe(char *text);

/* The columns of the terminal at a descriptor; 0 when it is none. */
unsigned text_columns(int fd);

/* Reads seconds, such as "2" or "0.5", as milliseconds. Returns 0 or -EINVAL. */
int text_parse_seconds(const char *text, int *milliseconds);
