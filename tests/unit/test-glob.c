/*
 * Tests of glob patterns: what they match, also compared with a matcher that tries everything, and
 * the steps and the memory that the hardest patterns take.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/base/glob.h"
#include "tests/unit/unit.h"

static const struct {
	const char *pattern;
	const char *name;
	bool matches;
} cases[] = {
	{"", "", true},
	{"", "a", false},
	{"a", "", false},
	{"a", "a", true},
	{"a", "ab", false},
	{"ab", "a", false},
	{"*", "", true},
	{"*", "/any/thing", true},
	{"**", "", true},
	{"*a", "a", true},
	{"*a", "ba", true},
	{"*a", "ab", false},
	{"a*", "a", true},
	{"a*b*c", "abc", true},
	{"a*b*c", "a/x/b/c/c", true},
	{"a*b*c", "acb", false},
	{"*.png", "/home/x/a.png", true},
	{"*.png", "/home/x/a.png.jpg", false},
	{"*aab", "aaaab", true},
	{"*a*a*a", "aa", false},
	{"?", "", false},
	{"?", "a", true},
	{"?", "ab", false},
	{"?", "\xc3\xa9", true},
	{"??", "\xc3\xa9", false},
	{"?", "\xf0\x9f\x98\x80", true},
	{"a?c", "a/c", true},
	{"*?", "", false},
	{"*?", "\xc3\xa9", true},
	{"[abc]", "b", true},
	{"[abc]", "d", false},
	{"[abc]", "", false},
	{"[a-c]", "b", true},
	{"[a-c]", "-", false},
	{"[a-]", "-", true},
	{"[-a]", "-", true},
	{"[a-c-e]", "-", true},
	{"[a-c-e]", "d", false},
	{"[c-a]", "b", false},
	{"[!a-c]", "b", false},
	{"[!a-c]", "d", true},
	{"[^a-c]", "b", false},
	{"[^a-c]", "\xc3\xa9", true},
	{"[!a]", "", false},
	{"[]]", "]", true},
	{"[!]]", "]", false},
	{"[!]]", "a", true},
	{"[]-a]", "_", true},
	{"[\xc3\xa0-\xc3\xaf]", "\xc3\xa9", true},
	{"[\xc3\xa0-\xc3\xaf]", "\xc3\xbf", false},
	{"[a-\xc3\xa9]", "z", true},
	{"[\xc3\xa9]", "\xc3\xa8", false},
	{"[*]", "*", true},
	{"[*]", "a", false},
	{"[?]x", "?x", true},
	{"[", "[", true},
	{"[a", "[a", true},
	{"[a", "a", false},
	{"[]", "[]", true},
	{"[!]", "[!]", true},
	{"[[a]", "[", true},
	{"[[a]", "a", true},
	{"[a][b", "a[b", true},
	{"*[a][b", "xa[b", true},
	{"*[a", "b[a", true},
	{"\\*", "*", true},
	{"\\*", "a", false},
	{"\\?\\[", "?[", true},
	{"\\\\", "\\", true},
	{"\\", "\\", true},
	{"\\a", "a", true},
	{"\\\xc3\xa9", "\xc3\xa9", true},
	{"a\\", "a\\", true},
	{"*\\*", "a*", true},
	{"[\\]]", "]", true},
	{"[\\]]", "\\", false},
	{"[\\]]", "\\]", false},
	{"[a\\]b]", "b", true},
	{"[\\\\]", "\\", true},
	{"[\\a]", "\\", false},
	{"[\\a]", "a", true},
	{"[a\\-c]", "-", true},
	{"[a\\-c]", "b", false},
	{"[\\!a]", "!", true},
	{"[\\!a]", "b", false},
	{"[Z-\\]]", "[", true},
	{"[Z-\\]]", "]", true},
	{"[\\[-\\]]", "\\", true},
	{"[!\\]]", "]", false},
	{"[\\\xc3\xa9]", "\xc3\xa9", true},
	{"[a\\]", "[a]", true},
	{"[a\\", "[a\\", true},
	{"[aa-ca]", "a", true},
	{"[a-cb-d]", "c", true},
	{"[a-cb-d]", "e", false},
	{"[!a-cb-d]", "e", true},
	{"\xff", "\xc3\xa9", false},
	{"\xc3", "\xc3\xa9", false},
	{"[\x80-\xff]", "\xc3\xa9", false},
};

static bool matches(const char *pattern, const char *name, uint64_t *steps)
{
	struct glob *glob = glob_compile(pattern);
	assert_non_null(glob);
	assert_in_range(glob_size(glob), 1, GLOB_SIZE_MAX);
	*steps = 0;
	bool result = glob_matches(glob, name, steps);
	if (*steps > strlen(name) * GLOB_STEPS_MAX)
		fail_msg("'%s' and '%s': %d steps", pattern, name, (int)*steps);
	glob_free(glob);
	return result;
}

static void test_table(void **state)
{
	uint64_t steps;
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		if (matches(cases[i].pattern, cases[i].name, &steps) != cases[i].matches)
			fail_msg("'%s' and '%s'", cases[i].pattern, cases[i].name);
	}
	glob_free(NULL);
}

/* The length of the character at text. */
static size_t width(const char *text)
{
	size_t length = 1;
	while (((unsigned char)text[length] & 0xc0) == 0x80)
		length++;
	return length;
}

/* Of two characters; the bytes of UTF-8 have the order of the characters. */
static int order(const char *a, const char *b)
{
	size_t length = width(a) < width(b) ? width(a) : width(b);
	return strncmp(a, b, length);
}

static const char *member(const char *pattern)
{
	return *pattern == '\\' && pattern[1] ? pattern + 1 : pattern;
}

/* The end of the set after a '[', behind its ']', or NULL; *found: the character is in the set. */
static const char *set(const char *pattern, const char *character, bool *found)
{
	bool inverted = *pattern == '!' || *pattern == '^';
	const char *start = pattern += inverted;
	*found = inverted;
	while (*pattern != ']' || pattern == start) {
		if (!*pattern)
			return NULL;
		const char *low = member(pattern), *high = low;
		pattern = low + width(low);
		if (pattern[0] == '-' && pattern[1] && pattern[1] != ']') {
			high = member(pattern + 1);
			pattern = high + width(high);
		}
		if (order(low, character) <= 0 && order(character, high) <= 0)
			*found = !inverted;
	}
	return pattern + 1;
}

/* Tries everything; for short patterns only. */
static bool reference(const char *pattern, const char *name)
{
	bool found;
	if (!*pattern)
		return !*name;
	if (*pattern == '*')
		return reference(pattern + 1, name) ||
		       (*name && reference(pattern, name + width(name)));
	if (!*name)
		return false;
	if (*pattern == '?')
		return reference(pattern + 1, name + width(name));
	const char *rest = *pattern == '[' ? set(pattern + 1, name, &found) : NULL;
	if (rest)
		return found && reference(rest, name + width(name));
	pattern = member(pattern);
	return order(pattern, name) == 0 && reference(pattern + width(pattern), name + width(name));
}

/* Joins up to count of the words. */
static void join(
	uint64_t *chance, char *text, const char *const *words, size_t word_count, unsigned count)
{
	*text = '\0';
	for (uint64_t i = unit_random(chance) % (count + 1); i > 0; i--)
		strcat(text, words[unit_random(chance) % word_count]);
}

static void test_random(void **state)
{
	static const char *const parts[] = {"a", "b", "c", "*", "*", "?", "[", "[", "[a", "]", "]",
		"-", "!", "^", "\\", "\xc3\xa9", "\xe4\xb8\xad", "\xf0\x9f\x98\x80", "[!b-", "a]"};
	static const char *const letters[] = {"a", "a", "b", "b", "c", "[", "]", "-", "!", "^",
		"\\", "*", "?", "\xc3\xa8", "\xc3\xa9", "\xe4\xb8\xad", "\xf0\x9f\x98\x80"};
	unsigned found = 0;
	uint64_t chance = 1;
	(void)state;
	for (int round = 0; round < 200000; round++) {
		char pattern[64], name[64];
		uint64_t steps;
		join(&chance, pattern, parts, COUNT(parts), 9);
		join(&chance, name, letters, COUNT(letters), 7);
		bool expected = reference(pattern, name);
		found += expected;
		if (matches(pattern, name, &steps) != expected)
			fail_msg("'%s' and '%s': not %d", pattern, name, expected);
	}
	assert_in_range(found, 3000, 197000);
}

/* Fills a text with a repeated part, up to length bytes. */
static char *repeat(const char *part, size_t length, const char *end)
{
	char *text = calloc(1, length + strlen(end) + 8);
	assert_non_null(text);
	size_t used = 0;
	while (used + strlen(part) <= length) {
		strcpy(text + used, part);
		used += strlen(part);
	}
	strcpy(text + used, end);
	return text;
}

/*
 * Patterns of 1 KiB on names of 4 KiB that match up to their very end: a matcher that goes
 * back to a star, or reads the rest of the pattern for each '[', takes millions of steps.
 */
static void test_hostile(void **state)
{
	static const struct {
		const char *begin, *part, *name;
	} hostile[] = {
		{"", "*a", "a"},
		{"", "*", "a"},
		{"*", "a", "a"},
		{"*", "?", "a"},
		{"*", "[", "["},
		{"*", "[!", "["},
		{"*", "[a-z]", "a"},
		{"*", "[[", "["},
		{"", "*[", "["},
		{"", "*[a]", "a"},
		{"", "*\\a", "a"},
		{"*", "\xc3\xa9", "\xc3\xa9"},
		{"*", "\xe4\xb8\xad", "\xe4\xb8\xad"},
	};
	(void)state;
	for (size_t i = 0; i < COUNT(hostile); i++) {
		char pattern[1100];
		uint64_t steps;
		char *rest = repeat(hostile[i].part, 1000, "x");
		char *name = repeat(hostile[i].name, 4094, "y");
		strcpy(pattern, hostile[i].begin);
		strcat(pattern, rest);
		assert_false(matches(pattern, name, &steps));
		assert_in_range(steps, strlen(name) / 4, strlen(name) * GLOB_STEPS_MAX);
		free(rest);
		free(name);
	}
}

/* Writes a character of two or three bytes. */
static size_t put(char *text, unsigned character)
{
	if (character < 0x800)
		return (size_t)sprintf(
			text, "%c%c", 0xc0 | (int)(character >> 6), 0x80 | (int)(character & 0x3f));
	return (size_t)sprintf(text, "%c%c%c", 0xe0 | (int)(character >> 12),
		0x80 | (int)(character >> 6 & 0x3f), 0x80 | (int)(character & 0x3f));
}

/*
 * A pattern of many different characters, with gaps between them, needs the most memory. ascii of
 * its bytes are one of many elements, and the others may all be in one set.
 */
static void make_large(char *pattern, unsigned ascii, bool in_set)
{
	size_t length = 0;
	for (unsigned i = 0; i < ascii; i++)
		pattern[length++] = (char)(i % 26 + 'a');
	if (in_set)
		pattern[length++] = '[';
	for (unsigned character = 0x80; length + 4 <= GLOB_PATTERN_MAX; character += 2)
		length += put(pattern + length, character);
	strcpy(pattern + length, in_set ? "]" : "");
}

static void test_memory(void **state)
{
	size_t largest = 0;
	(void)state;
	for (unsigned ascii = 0; ascii <= 1000; ascii += 50) {
		for (int in_set = 0; in_set < 2; in_set++) {
			char pattern[GLOB_PATTERN_MAX + 1];
			make_large(pattern, ascii, in_set);
			struct glob *glob = glob_compile(pattern);
			assert_non_null(glob);
			assert_in_range(glob_size(glob), 1, GLOB_SIZE_MAX);
			if (glob_size(glob) > largest)
				largest = glob_size(glob);
			glob_free(glob);
		}
	}
	/* The bound is not far from what it takes. */
	assert_in_range(largest, GLOB_SIZE_MAX / 2, GLOB_SIZE_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
