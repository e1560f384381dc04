/*
 * After a mismatch, the matcher goes back to the last '*' only, and lets it match one character
 * more. Earlier ones need no retry: each of them has the shortest match that let the pattern reach
 * the last '*'. A '[' without a ']' is found once. So any pattern from a client takes at most
 * pattern x name steps, which fnmatch(3) does not promise.
 */
#include "daemon/base/glob.h"

#include <stddef.h>

/* Returns the next character of valid UTF-8. */
static const char *glob_after(const char *text)
{
	do
		text++;
	while (((unsigned char)*text & 0xc0) == 0x80);
	return text;
}

/* Compares two characters. The bytes of UTF-8 have the same order as the code points. */
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
 * Matches a character with a set; the pattern begins after the '['. Returns the pattern after the
 * ']', or NULL without a ']': then '[' is an ordinary character.
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
 * Matches one character. Returns the rest of the pattern, or NULL without a match. *unclosed is the
 * first '[' known to have no ']', or NULL. A '[' after it has none either, so the rest of the
 * pattern is not read again.
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
	const char *star = NULL, *star_end = NULL, *unclosed = NULL;
	for (;;) {
		if (*pattern == '*') {
			star = ++pattern;
			star_end = name;
			continue;
		}
		if (!*pattern && !*name)
			return true;
		const char *next = glob_match_one(pattern, name, &unclosed);
		if (next) {
			pattern = next;
			name = glob_after(name);
		} else if (star && *star_end) {
			pattern = star;
			star_end = glob_after(star_end);
			name = star_end;
		} else {
			return false;
		}
	}
}
