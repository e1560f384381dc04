/*
 * Names of images, to the corners of UTF-8, and the path of the user's socket.
 */
#include "tests/unit/unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/protocol/name.h"

#define NOT_UTF8 "a name must be UTF-8"
#define CONTROL	 "a name must not hold control characters"

static void expect_all(const char *const *names, size_t count, const char *fault)
{
	for (size_t i = 0; i < count; i++) {
		const char *found = name_check(names[i]);
		if (fault)
			assert_string_equal(found ? found : "", fault);
		else
			assert_null(found);
	}
}

static void plain_names(void **state)
{
	(void)state;
	static const char *const names[] = {"a", " ", "~", "/home/a b/c%d=e.png", "..", "*"};
	expect_all(names, COUNT(names), NULL);
}

static void first_and_last_of_each_length(void **state)
{
	(void)state;
	static const char *const names[] = {"\xc2\xa0", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf",
		"\xee\x80\x80", "\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf",
		"caf\xc3\xa9 \xf0\x9f\x96\xbc"};
	expect_all(names, COUNT(names), NULL);
}

static void empty(void **state)
{
	(void)state;
	assert_string_equal(name_check(""), "a name must not be empty");
}

static void control_characters(void **state)
{
	(void)state;
	static const char *const names[] = {"\x01", "\x1f", "a\n", "\t", "\x7f", "\xc2\x80",
		"\xc2\x85", "\xc2\x9f", "ok\x1b[31m"};
	expect_all(names, COUNT(names), CONTROL);
}

static void stray_bytes(void **state)
{
	(void)state;
	static const char *const names[] = {
		"\x80", "\xbf", "a\x80", "\xfe", "\xff", "\xf8\x88\x80\x80\x80", "\xc3\xa9\xa9"};
	expect_all(names, COUNT(names), NOT_UTF8);
}

static void missing_bytes(void **state)
{
	(void)state;
	static const char *const names[] = {"\xc3",
		"\xc3"
		"a",
		"\xe2\x82",
		"\xe2\x82"
		"a",
		"\xe2", "\xf0\x9f\x96", "\xf0\x9f", "\xf0", "\xc3\xc3"};
	expect_all(names, COUNT(names), NOT_UTF8);
}

static void longer_forms_than_needed(void **state)
{
	(void)state;
	static const char *const names[] = {"\xc0\x80", "\xc0\xaf", "\xc1\xbf", "\xe0\x80\xaf",
		"\xe0\x9f\xbf", "\xf0\x80\x80\xaf", "\xf0\x8f\xbf\xbf"};
	expect_all(names, COUNT(names), NOT_UTF8);
}

static void surrogates_and_beyond(void **state)
{
	(void)state;
	static const char *const names[] = {"\xed\xa0\x80", "\xed\xbf\xbf",
		"\xed\xa0\xbd\xed\xb6\xbc", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80",
		"\xf7\xbf\xbf\xbf"};
	expect_all(names, COUNT(names), NOT_UTF8);
}

/* In memory of its exact size: nothing is read behind the end. */
static void cut_at_every_byte(void **state)
{
	(void)state;
	static const char name[] = "\xf0\x9f\x96\xbc\xe2\x82\xac\xc3\xa9";
	static const size_t whole[] = {4, 7, 9};
	for (size_t length = 1; length < sizeof(name); length++) {
		char *copy = strndup(name, length);
		assert_non_null(copy);
		const char *fault = name_check(copy);
		free(copy);
		int is_whole = 0;
		for (size_t i = 0; i < COUNT(whole); i++)
			is_whole |= whole[i] == length;
		assert_int_equal(fault == NULL, is_whole);
	}
}

static void longest(void **state)
{
	(void)state;
	char name[NAME_LENGTH_MAX + 2];
	memset(name, 'x', sizeof(name));
	name[NAME_LENGTH_MAX] = '\0';
	assert_null(name_check(name));
	name[NAME_LENGTH_MAX] = 'x';
	name[NAME_LENGTH_MAX + 1] = '\0';
	assert_string_equal(name_check(name), "a name has at most 4095 bytes");
}

static void user_socket(void **state)
{
	(void)state;
	char path[64], wanted[64], folder[] = "/tmp/shmimg-unit-XXXXXX";
	assert_non_null(mkdtemp(folder));
	snprintf(wanted, sizeof(wanted), "%s/shmimgd/socket", folder);
	assert_int_equal(setenv("XDG_RUNTIME_DIR", folder, 1), 0);
	assert_int_equal(name_user_socket(path, sizeof(path)), 0);
	assert_string_equal(path, wanted);
	assert_int_equal(name_user_socket(path, strlen(path) + 1), 0);
	assert_int_equal(name_user_socket(path, strlen(wanted)), -ENAMETOOLONG);
	assert_int_equal(rmdir(folder), 0);
	assert_int_equal(name_user_socket(path, sizeof(path)), -ENOENT);
}

static void no_user_socket(void **state)
{
	(void)state;
	char path[64];
	assert_int_equal(setenv("XDG_RUNTIME_DIR", "run", 1), 0);
	assert_int_equal(name_user_socket(path, sizeof(path)), -ENOENT);
	assert_int_equal(setenv("XDG_RUNTIME_DIR", "", 1), 0);
	assert_int_equal(name_user_socket(path, sizeof(path)), -ENOENT);
	assert_int_equal(unsetenv("XDG_RUNTIME_DIR"), 0);
	assert_int_equal(name_user_socket(path, sizeof(path)), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_names),
		cmocka_unit_test(first_and_last_of_each_length),
		cmocka_unit_test(empty),
		cmocka_unit_test(control_characters),
		cmocka_unit_test(stray_bytes),
		cmocka_unit_test(missing_bytes),
		cmocka_unit_test(longer_forms_than_needed),
		cmocka_unit_test(surrogates_and_beyond),
		cmocka_unit_test(cut_at_every_byte),
		cmocka_unit_test(longest),
		cmocka_unit_test(user_socket),
		cmocka_unit_test(no_user_socket),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
