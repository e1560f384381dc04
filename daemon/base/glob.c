/*
 * Globs over names of images.
 */
#include "daemon/base/glob.h"

#include <stddef.h>

/* The character after one of valid UTF-8. */
static const char *glob_after(const char *text)
{
	do
		text++;
	while (((unsigned char)*text & 0xc0) == 0x80);
	return text;
}

/* Compares characters by their bytes: UTF-8 has the order of its code points. */
static int glob_compare(const char *a, const char *b)
{
	const char *end = glob_after(a);
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
static const char *glob_match_set(const char *pattern, const char *character, bool *matches)
{
	bool inverted = *pattern == '!' || *pattern == '^';
	bool found = false;
	if (inverted)
		pattern++;
	for (bool first = true; *pattern && (first || *pattern != ']'); first = false) {
		const char *low = pattern, *high = pattern;
		pattern = glob_after(pattern);
		if (*pattern == '-' && pattern[1] && pattern[1] != ']') {
			high = pattern + 1;
			pattern = glob_after(high);
		}
		if (glob_compare(low, character) <= 0 && glob_compare(character, high) <= 0)
			found = true;
	}
	*matches = found != inverted;
	return *pattern ? pattern + 1 : NULL;
}

/*
 * Matches one character. Returns the pattern after it, or NULL. *unclosed is a '[' without
 * a ']', or NULL: none behind it has one either, so the pattern's rest is not read again.
 */
static const char *glob_match_one(const char *pattern, const char *name, const char **unclosed)
{
	bool matches;
	if (!*pattern || !*name)
		return NULL;
	if (*pattern == '?')
		return pattern + 1;
	if (*pattern == '[' && (!*unclosed || pattern < *unclosed)) {
		const char *rest = glob_match_set(pattern + 1, name, &matches);
		if (rest)
			return matches ? rest : NULL;
		*unclosed = pattern;
	} else if (*pattern == '\\' && pattern[1]) {
		pattern++;
	}
	return glob_compare(pattern, name) == 0 ? glob_after(pattern) : NULL;
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
		const char *next = glob_match_one(pattern, name, &unclosed);
		if (next) {
			pattern = next;
			name = glob_after(name);
		} else if (star && *taken) {
			pattern = star;
			taken = glob_after(taken);
			name = taken;
		} else {
			return false;
		}
	}
}
