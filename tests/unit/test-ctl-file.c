/*
 * Tests of the files that appear whole or not at all: modes, links, and that nothing is
 * left behind.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/ctl/output-file.h"
#include "tests/unit/unit.h"

static char folder[] = "/tmp/shmimg-test-XXXXXX";

static const char *place(const char *name)
{
	static char path[512];
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static int enter(void **state)
{
	(void)state;
	strcpy(strrchr(folder, '-'), "-XXXXXX");
	return mkdtemp(folder) ? 0 : -1;
}

static unsigned count_files(bool remove_them)
{
	unsigned count = 0;
	DIR *listing = opendir(folder);
	assert_non_null(listing);
	for (struct dirent *entry; (entry = readdir(listing));) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		count++;
		if (remove_them)
			unlink(place(entry->d_name));
	}
	closedir(listing);
	return count;
}

static int leave(void **state)
{
	(void)state;
	count_files(true);
	return rmdir(folder);
}

static void put(const char *name, const char *text, mode_t mode)
{
	FILE *file = fopen(place(name), "w");
	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fchmod(fileno(file), mode), 0);
	fclose(file);
}

static void check(const char *name, const char *text, mode_t mode)
{
	char data[64] = "";
	struct stat info;
	FILE *file = fopen(place(name), "r");
	assert_non_null(file);
	assert_true(fread(data, 1, sizeof(data) - 1, file) == strlen(text));
	assert_string_equal(data, text);
	assert_int_equal(fstat(fileno(file), &info), 0);
	assert_int_equal(info.st_mode & 07777, mode);
	fclose(file);
}

static void write_file(const char *name, const char *text)
{
	struct output_file file;
	assert_int_equal(output_file_open(&file, place(name)), 0);
	fputs(text, file.stream);
	assert_int_equal(output_file_commit(&file), 0);
}

static void test_new(void **state)
{
	(void)state;
	mode_t mask = umask(027);
	write_file("a.png", "pixels");
	umask(mask);
	check("a.png", "pixels", 0640);
	assert_int_equal(count_files(false), 1);
}

static void test_replace(void **state)
{
	(void)state;
	put("a.png", "the old one", 0604);
	write_file("a.png", "new");
	check("a.png", "new", 0604);
	assert_int_equal(count_files(false), 1);
}

/* What a link points at is replaced, and the link stays. */
static void test_link(void **state)
{
	(void)state;
	char target[512];
	struct stat info;
	snprintf(target, sizeof(target), "%s", place("a.png"));
	put("a.png", "old", 0600);
	assert_int_equal(symlink(target, place("link.png")), 0);
	write_file("link.png", "new");
	check("a.png", "new", 0600);
	assert_int_equal(lstat(place("link.png"), &info), 0);
	assert_true(S_ISLNK(info.st_mode));
}

static void test_abandon(void **state)
{
	(void)state;
	struct output_file file;
	put("a.png", "old", 0644);
	assert_int_equal(output_file_open(&file, place("a.png")), 0);
	fputs("half of", file.stream);
	output_file_abandon(&file);
	check("a.png", "old", 0644);
	assert_int_equal(output_file_open(&file, place("b.png")), 0);
	output_file_abandon(&file);
	assert_int_equal(count_files(false), 1);
}

static void test_errors(void **state)
{
	(void)state;
	struct output_file file;
	assert_int_equal(output_file_open(&file, place("no/a.png")), -ENOENT);
	assert_int_equal(output_file_open(&file, folder), -EISDIR);
	assert_int_equal(output_file_open(&file, "/dev/full"), 0);
	fputs("x", file.stream);
	assert_int_equal(output_file_commit(&file), -ENOSPC);
	assert_int_equal(count_files(false), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_new, enter, leave),
		cmocka_unit_test_setup_teardown(test_replace, enter, leave),
		cmocka_unit_test_setup_teardown(test_link, enter, leave),
		cmocka_unit_test_setup_teardown(test_abandon, enter, leave),
		cmocka_unit_test_setup_teardown(test_errors, enter, leave),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
