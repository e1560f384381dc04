/*
 * The name of a file by its path: in a folder with links, out of it, and nowhere at all.
 */
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/include/shmimg.h"

static char folder[4096]; /* where the tests are: absolute, without links */

/* Makes folder/real/deep, link -> real, folder/real/file, alias -> file. */
static int setup(void **state)
{
	(void)state;
	char template[] = "/tmp/shmimg-unit-XXXXXX";
	if (!mkdtemp(template) || !realpath(template, folder) || chdir(folder) < 0)
		return -1;
	if (mkdir("real", 0700) < 0 || mkdir("real/deep", 0700) < 0 || symlink("real", "link") < 0)
		return -1;
	int fd = open("real/file", O_WRONLY | O_CREAT, 0600);
	if (fd < 0 || close(fd) < 0)
		return -1;
	return symlink("file", "real/alias");
}

static int teardown(void **state)
{
	(void)state;
	if (chdir(folder) < 0)
		return -1;
	unlink("real/alias");
	unlink("real/file");
	unlink("link");
	rmdir("real/deep");
	rmdir("real");
	return chdir("/") < 0 || rmdir(folder) < 0 ? -1 : 0;
}

/* Expects the name of a path to be one in the folder. */
static void is(const char *path, const char *expected)
{
	char name[4096], whole[8192];
	snprintf(whole, sizeof(whole), "%s%s", folder, expected);
	assert_int_equal(shmimg_name_of_path(path, name, sizeof(name)), 0);
	assert_string_equal(name, whole);
}

/* Expects the name of a path as it stands. */
static void is_absolute(const char *path, const char *expected)
{
	char name[4096];
	assert_int_equal(shmimg_name_of_path(path, name, sizeof(name)), 0);
	assert_string_equal(name, expected);
}

static void relative(void **state)
{
	(void)state;
	is("real/file", "/real/file");
	is("./real/./file", "/real/file");
	is("real//file", "/real/file");
	is("real/deep/../file", "/real/file");
	is("a", "/a");
}

static void links_in_folders_are_resolved(void **state)
{
	(void)state;
	is("link/file", "/real/file");
	is("link/deep/../file", "/real/file");
	is("link/../real/file", "/real/file");
}

static void last_link_is_not(void **state)
{
	(void)state;
	is("real/alias", "/real/alias");
	is("link/alias", "/real/alias");
	is("link", "/link");
}

static void slashes_at_the_end(void **state)
{
	(void)state;
	is("real/file/", "/real/file");
	is("real/file///", "/real/file");
	is("real/", "/real");
}

static void dots_at_the_end(void **state)
{
	(void)state;
	is(".", "");
	is("./", "");
	is("link/.", "/real");
	is("link/deep/..", "/real");
	is("real/deep/../..", "");
}

static void files_that_do_not_exist(void **state)
{
	(void)state;
	is("real/none", "/real/none");
	is("link/none", "/real/none");
}

static void folders_that_do_not_exist(void **state)
{
	(void)state;
	is("none/file", "/none/file");
	is("none/./x/../file", "/none/file");
	is("none//file/", "/none/file");
	is("real/file/x", "/real/file/x");
	is("none/.", "/none");
	is("none/x/..", "/none");
}

static void absolute(void **state)
{
	(void)state;
	is_absolute("/", "/");
	is_absolute("///", "/");
	is_absolute("/.", "/");
	is_absolute("/..", "/");
	is_absolute("/nonexistent/../../x", "/x");
	is_absolute("/nonexistent/a b/c", "/nonexistent/a b/c");
	is_absolute("//x", "/x");
	is_absolute("/...", "/...");
}

static void from_the_root(void **state)
{
	(void)state;
	assert_int_equal(chdir("/"), 0);
	is_absolute("nonexistent-file", "/nonexistent-file");
	is_absolute("nonexistent/file", "/nonexistent/file");
	is_absolute("..", "/");
	assert_int_equal(chdir(folder), 0);
}

static void memory_too_small(void **state)
{
	(void)state;
	char name[4];
	assert_int_equal(shmimg_name_of_path("/abc", name, 4), -ENAMETOOLONG);
	assert_int_equal(shmimg_name_of_path("/ab", name, 4), 0);
	assert_string_equal(name, "/ab");
	assert_int_equal(shmimg_name_of_path("/", name, 0), -ENAMETOOLONG);
}

/* Writes "/nonexistent" and parts of 9 characters until length bytes are full. */
static void long_path(char *path, size_t length)
{
	size_t used = (size_t)sprintf(path, "/nonexistent");
	for (; used < length; used++)
		path[used] = used % 10 ? 'x' : '/';
	path[length] = '\0';
	if (path[length - 1] == '/')
		path[length - 1] = 'x';
}

static void longest_path(void **state)
{
	(void)state;
	char path[6001], name[8192];
	long_path(path, 4000);
	assert_int_equal(shmimg_name_of_path(path, name, sizeof(name)), 0);
	assert_string_equal(name, path);
	long_path(path, 4095);
	assert_int_equal(shmimg_name_of_path(path, name, sizeof(name)), 0);
	assert_string_equal(name, path);
	long_path(path, 4096);
	assert_int_equal(shmimg_name_of_path(path, name, sizeof(name)), -ENAMETOOLONG);
	long_path(path, 6000);
	assert_int_equal(shmimg_name_of_path(path, name, sizeof(name)), -ENAMETOOLONG);
}

static void paths_that_are_no_name(void **state)
{
	(void)state;
	char name[4096];
	assert_int_equal(shmimg_name_of_path("", name, sizeof(name)), -EINVAL);
	assert_int_equal(shmimg_name_of_path("a\nb", name, sizeof(name)), -EINVAL);
	assert_int_equal(shmimg_name_of_path("/\xff", name, sizeof(name)), -EINVAL);
}

static void folder_that_is_gone(void **state)
{
	(void)state;
	char name[4096];
	assert_int_equal(mkdir("gone", 0700), 0);
	assert_int_equal(chdir("gone"), 0);
	assert_int_equal(rmdir("../gone"), 0);
	int r = shmimg_name_of_path("none/file", name, sizeof(name));
	assert_int_equal(chdir(folder), 0);
	assert_int_equal(r, -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(relative),
		cmocka_unit_test(links_in_folders_are_resolved),
		cmocka_unit_test(last_link_is_not),
		cmocka_unit_test(slashes_at_the_end),
		cmocka_unit_test(dots_at_the_end),
		cmocka_unit_test(files_that_do_not_exist),
		cmocka_unit_test(folders_that_do_not_exist),
		cmocka_unit_test(absolute),
		cmocka_unit_test(from_the_root),
		cmocka_unit_test(memory_too_small),
		cmocka_unit_test(longest_path),
		cmocka_unit_test(paths_that_are_no_name),
		cmocka_unit_test(folder_that_is_gone),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
