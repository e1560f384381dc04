/*
 * Tests of glob patterns: what they match, and the time that matching takes.
 */
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
};

static void test_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		if (glob_matches(cases[i].pattern, cases[i].name) != cases[i].matches)
			fail_msg("'%s' and '%s'", cases[i].pattern, cases[i].name);
	}
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
 * back to every star, or reads the rest of the pattern for each '[', takes minutes.
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
	};
	(void)state;
	for (size_t i = 0; i < COUNT(hostile); i++) {
		char pattern[1100];
		char *rest = repeat(hostile[i].part, 1000, "x");
		char *name = repeat(hostile[i].name, 4094, "y");
		strcpy(pattern, hostile[i].begin);
		strcat(pattern, rest);
		int64_t start = unit_now();
		for (int round = 0; round < 3; round++)
			assert_false(glob_matches(pattern, name));
		if (unit_now() - start > 3000)
			fail_msg("%s%s...: %d ms", hostile[i].begin, hostile[i].part,
				(int)(unit_now() - start));
		free(rest);
		free(name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_hostile),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
