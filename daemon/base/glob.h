/*
 * Matches names of images with glob patterns. '*' matches any bytes, also '/'. '?' matches one
 * character of UTF-8. '[a-z]' matches one character of a set, and '[!a-z]' one character outside
 * the set. A '\' removes the special meaning of the next character.
 */
#pragma once

#include <stdbool.h>

/* Takes time up to the length of the pattern times the length of the name. */
bool glob_matches(const char *pattern, const char *name);
