/*
 * Compiled glob patterns, which match names of images. '*' matches any bytes, also '/'. '?'
 * matches one character of UTF-8. '[a-z]' matches one character of a set, and '[!a-z]' or '[^a-z]'
 * one character outside the set. A '\' removes the special meaning of the next character, also in
 * a set. A '[' without its ']' is an ordinary character, and so is a '\' at the end.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	GLOB_PATTERN_MAX = 1024,  /* bytes */
	GLOB_STEPS_MAX = 21,	  /* for each byte of a name, whatever the pattern is */
	GLOB_SIZE_MAX = 64 << 10, /* bytes of memory, whatever the pattern is */
};

struct glob;

/* Compiles a pattern of at most GLOB_PATTERN_MAX bytes. Returns NULL without memory. */
struct glob *glob_compile(const char *pattern);

/* NULL is ignored. */
void glob_free(struct glob *glob);

/* The bytes of memory of a compiled pattern. */
size_t glob_size(const struct glob *glob);

/*
 * Whether the whole name matches. Adds the number of steps that this took to *steps: at most
 * GLOB_STEPS_MAX for each byte of the name. A step takes some nanoseconds.
 */
bool glob_matches(const struct glob *glob, const char *name, uint64_t *steps);
