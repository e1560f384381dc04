/*
 * Globs over names of images.
 * See glob.h for what it does.
 */
#include "daemon/base/glob.h"

#include <stddef.h>

/* The character after one of valid UTF-8. */
static const char *after(const char *text)
{
	do
		text++;
	while (((unsigned char)*text & 0xc0) == 0x80);
	return text;
}

/* Compares characters by their bytes: UTF-8 has the order of its code points. */
static int compare(const char *a, const char *b)
{
	const char *end = after(a);
	while (a + 1 < end && *a == *b) {
		a++;
		b++;
	}
	return (unsigned char)*a - (unsigned char)*b;
}

/*
 * Matches a character with a set, whose '[' pattern is behind. Returns what follows the
 * ']', or NULL when there is none: then '[' means itself.
 */
static const char *match_set(const char *pattern, const char *character, bool *matches)
{
	bool inverted = *pattern == '!' || *pattern == '^';
	bool found = false;
	if (inverted)
		pattern++;
	for (bool first = true; *pattern && (first || *pattern != ']'); first = false) {
		const char *low = pattern, *high = pattern;
		pattern = after(pattern);
		if (*pattern == '-' && pattern[1] && pattern[1] != ']') {
			high = pattern + 1;
			pattern = after(high);
		}
		if (compare(low, character) <= 0 && compare(character, high) <= 0)
			found = true;
	}
	*matches = found != inverted;
	return *pattern ? pattern + 1 : NULL;
}

/*
 * Matches one character. Returns the pattern after it, or NULL. *unclosed is a '[' without
 * a ']', or NULL: none behind it has one either, so the pattern's rest is not read again.
 */
static const char *match_one(const char *pattern, const char *name, const char **unclosed)
{
	bool matches;
	if (!*pattern || !*name)
		return NULL;
	if (*pattern == '?')
		return pattern + 1;
	if (*pattern == '[' && (!*unclosed || pattern < *unclosed)) {
		const char *rest = match_set(pattern + 1, name, &matches);
		if (rest)
			return matches ? rest : NULL;
		*unclosed = pattern;
	} else if (*pattern == '\\' && pattern[1]) {
		pattern++;
	}
	return compare(pattern, name) == 0 ? after(pattern) : NULL;
}

bool glob_matches(const char *pattern, const char *name)
{
	/* After a mismatch, the last '*' takes one character more: earlier ones need not. */
	const char *star = NULL, *taken = NULL, *unclosed = NULL;
	for (;;) {
		if (*pattern == '*') {
			star = ++pattern;
			taken = name;
			continue;
		}
		if (!*pattern && !*name)
			return true;
		const char *next = match_one(pattern, name, &unclosed);
		if (next) {
			pattern = next;
			name = after(name);
		} else if (star && *taken) {
			pattern = star;
			taken = after(taken);
			name = taken;
		} else {
			return false;
		}
	}
}
