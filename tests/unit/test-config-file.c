/*
 * Tests of the daemon's configuration files: their grammar, and the message for each kind of
 * mistake.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/config-folder.h"
#include "tests/unit/unit.h"

static void test_mistakes(void **state)
{
	static const char *const cases[][2] = {
		{"decoders = many", "FILE:1: decoders: 'many' is not a number from 1 to 256"},
		{"\n\ndecoders = 257\n", "FILE:3: decoders: '257' is not a number from 1 to 256"},
		{"decoders =", "FILE:1: decoders: '' is not a number from 1 to 256"},
		{"decoders = 2 3", "FILE:1: decoders: '2 3' is not a number from 1 to 256"},
		{"decoders = \"2\"", "FILE:1: decoders: '\"2\"' is not a number from 1 to 256"},
		{"# a\n; b\n[shmimgd]\n  decode-timeout=0",
			"FILE:4: decode-timeout: '0' is not a number of seconds from 1 to 86400"},
		{"memory-max = 1.5G", "FILE:1: memory-max: '1.5G' is not a number of bytes, "
				      "optionally followed by K, M, G or T"},
		{"socket = run", "FILE:1: socket: 'run' is not an absolute path of at most 102 "
				 "printable bytes, without \" ;\""},
		{"socket-mode = 8", "FILE:1: socket-mode: '8' is not an octal number from 0 to "
				    "0777"},
		{"log-level = loud",
			"FILE:1: log-level: 'loud' is not one of error|warning|notice|info"},
		{"user-pins = 0", "FILE:1: user-pins: '0' is not a number from 1 to 1000000000"},
		{"decoders", "FILE:1: neither a comment nor an option; write KEY = VALUE"},
		{"decoders ;= 4", "FILE:1: neither a comment nor an option; write "
				  "KEY = VALUE"},
		{"[shmimg]\n", "FILE:1: unknown section; only [shmimgd] is allowed"},
		{"[shmimgd] decoders = 4", "FILE:1: unknown section; only [shmimgd] is allowed"},
		{"[shmimgd", "FILE:1: unknown section; only [shmimgd] is allowed"},
		{"\xef\xbb\xbf[x]", "FILE:1: unknown section; only [shmimgd] is allowed"},
		{"decoders = 4\001", "FILE:1: the line contains a control character; remove it"},
		{"decoders = 4\x7f", "FILE:1: the line contains a control character; remove it"},
		{"decoders\r= 4", "FILE:1: the line contains a control character; remove it"},
	};
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		config_put(config_file, cases[i][0]);
		assert_int_equal(config_options_of_file(), -EINVAL);
		config_assert_logged(cases[i][1]);
	}
}

/* Every mistake is logged, each one once. */
static void test_all_mistakes(void **state)
{
	(void)state;
	config_put(config_file,
		"decoders = 0\ndecoders = 3\nnonsense = 1\ncleanup = yes\nconfig = /x\n = 4\n");
	config_put_drop_in("1.conf", "what\n");
	assert_int_equal(config_options_of_file(), -EINVAL);
	assert_non_null(strstr(config_log, "c:1: decoders: '0' is not "));
	assert_non_null(strstr(config_log, "c:3: nonsense: unknown option; use one "
					   "of: socket socket-mode memory-max "));
	assert_non_null(strstr(config_log, "c:4: cleanup: unknown option"));
	assert_non_null(strstr(config_log, "c:5: config: unknown option"));
	assert_non_null(strstr(config_log, "c:6: : unknown option"));
	assert_non_null(strstr(config_log, "c.d/1.conf:1: neither a comment"));
	assert_null(strstr(config_log, "c:2:"));
}

static void test_grammar(void **state)
{
	static const char *const cases[] = {
		"decoders=7", "decoders = 7\n", "\t decoders \t= \t7 \t\r\n",
		"decoders = 7 ; half of them\n",
		"; decoders = 8\n# decoders = 9\n[shmimgd]\ndecoders = 7",
		"\xef\xbb\xbf[shmimgd]\n\ndecoders = 7\n[shmimgd]\n",
		"decoders = 8\ndecoders = 7\n",
		"max-pixels = 5\n decoders = 7\n", /* no value that goes on */
	};
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		config_put(config_file, cases[i]);
		assert_int_equal(config_options_of_file(), 0);
		assert_int_equal(config_read.options.decoders, 7);
		assert_string_equal(config_log, "");
	}
	config_put(config_file, "socket = /a b;c = d:e\n");
	assert_int_equal(config_options("--config", config_file, NULL), 0);
	assert_string_equal(config_read.options.socket, "/a b;c = d:e");
}

static void test_lengths(void **state)
{
	static char text[(1 << 16) + 2];
	(void)state;
	memset(text, 'x', sizeof(text));
	memcpy(text, "decoder = /", 11);
	config_put_bytes(config_file, text, 190);
	assert_int_equal(config_options_of_file(), 0);
	assert_int_equal(strlen(config_read.options.decoder), 180);
	config_put_bytes(config_file, text, 191);
	assert_int_equal(config_options_of_file(), -EINVAL);
	config_assert_logged("FILE:1: the line is too long; at most 190 bytes are allowed");
	config_put_bytes(config_file, text, 1 << 16);
	assert_int_equal(config_options_of_file(), -EINVAL);
	text[0] = '#';
	config_put_bytes(config_file, text, 1 << 16);
	assert_int_equal(config_options_of_file(), 0);
	config_put_bytes(config_file, text, (1 << 16) + 1);
	assert_int_equal(config_options_of_file(), -EINVAL);
	config_assert_logged("FILE: the file is too long; at most 65536 bytes are allowed");
	config_put_bytes(config_file, "decoders = 4\n\0\n", 15);
	assert_int_equal(config_options_of_file(), -EINVAL);
	config_assert_logged("FILE:2: the line contains a control character; remove it");
	config_put_bytes(config_file, "decoders = 4\0 1\n", 16);
	assert_int_equal(config_options_of_file(), -EINVAL);
}

static void test_not_a_file(void **state)
{
	(void)state;
	assert_int_equal(config_options_of_file(), -ENOENT);
	config_assert_logged("FILE: no such file, or no access to its folder. Check --config.");
	assert_return_code(mkdir(config_file, 0700), errno);
	assert_int_equal(config_options_of_file(), -EINVAL);
	config_assert_logged("FILE: not a regular file");
	assert_return_code(rmdir(config_file), errno);
	assert_return_code(mkfifo(config_file, 0600), errno);
	assert_int_equal(config_options_of_file(), -EINVAL); /* does not wait for a writer */
	config_assert_logged("FILE: not a regular file");
	unlink(config_file);
	assert_return_code(symlink("/dev/zero", config_file), errno);
	assert_int_equal(config_options_of_file(), -EINVAL);
	config_assert_logged("FILE: not a regular file");
	unlink(config_file);
	assert_return_code(symlink("c", config_file), errno);
	assert_int_equal(config_options_of_file(), -ELOOP);
	config_assert_logged("FILE: cannot be read: Too many levels of symbolic links");
	unlink(config_file);
	assert_return_code(symlink("nowhere", config_file), errno);
	assert_int_equal(config_options_of_file(), -ENOENT);
	unlink(config_file);
	config_put(config_file, "");
	assert_return_code(chmod(config_file, 0), errno);
	assert_return_code(chmod(config_folder, 0711), errno);
	assert_return_code(chmod(config_folder_d, 0755), errno);
	uid_t user = geteuid();
	assert_return_code(seteuid(user ? user : 65534), errno); /* root may read everything */
	assert_int_equal(config_options_of_file(), -EACCES);
	assert_return_code(seteuid(user), errno);
	config_assert_logged("FILE: cannot be read: Permission denied");
	unlink(config_file);
	config_put_drop_in("real", "decoders = 7");
	assert_return_code(symlink("c.d/real", config_file), errno);
	assert_int_equal(config_options_of_file(), 0);
	assert_int_equal(config_read.options.decoders, 7);
	assert_int_equal(config_options("--config=/dev/null", NULL, NULL), 0);
}

static void test_drop_ins(void **state)
{
	char path[2 * CONFIG_PATH_SIZE];
	(void)state;
	config_put(config_file, "decoders = 1\nuser-pins = 1\nuser-loads = 1\nmax-pixels = 1\n");
	config_put_drop_in("10.conf", "decoders = 2\nuser-pins = 2\n");
	config_put_drop_in("9.conf", "decoders = 3\n");
	config_put_drop_in("A.conf", "user-loads = 3\n");
	config_put_drop_in("z.conf~", "nonsense");
	config_put_drop_in(".conf", "nonsense");
	config_put_drop_in(".hidden.conf", "nonsense");
	config_put_drop_in("README", "nonsense");
	assert_int_equal(config_options_of_file(), 0);
	assert_int_equal(config_read.options.decoders, 3);
	assert_int_equal(config_read.options.user_limits[RESOURCE_PINS], 2);
	assert_int_equal(config_read.options.user_limits[RESOURCE_LOADS], 3);
	assert_int_equal(config_read.options.max_pixels, 1);
	assert_string_equal(strrchr(config_read.origins[OPTION_DECODERS], '/'), "/9.conf:1");
	assert_string_equal(strrchr(config_read.origins[OPTION_MAX_PIXELS], '/'), "/c:4");
	snprintf(path, sizeof(path), "%s/B.conf", config_folder_d);
	assert_return_code(mkdir(path, 0700), errno);
	assert_int_equal(config_options_of_file(), -EINVAL);
	config_assert_logged("FILE.d/B.conf: not a regular file");
	assert_return_code(rmdir(path), errno);
	assert_return_code(symlink("/dev/null", path), errno); /* as systemd(1) masks a file */
	assert_int_equal(config_options_of_file(), 0);
	unlink(path);
	assert_return_code(symlink("nowhere", path), errno);
	assert_int_equal(config_options_of_file(), -EINVAL);
	config_assert_logged("FILE.d/B.conf: cannot be read: No such file or directory");
	unlink(path);
	assert_int_equal(system("mv $D/c.d $D/x && : >$D/c.d"), 0);
	assert_int_equal(config_options_of_file(), -ENOTDIR);
	config_assert_logged("FILE.d: cannot be read: Not a directory");
}

/* Random bytes: reading ends, and no option has a value that is not allowed. */
static void test_garbage(void **state)
{
	static const char *const pieces[] = {"decoders", "=", " ", "\n", "[shmimgd]", "[", "]", "7",
		"T", ";", "#", ":", "memory-max", "\\", "\"", "\xff", "\xef\xbb\xbf", "%s", "-1",
		"\t", "\r\n", "socket = /x", "log-level=info", "99999999999999999999"};
	static char text[4096];
	unsigned good = 0;
	(void)state;
	srandom(4711);
	for (unsigned round = 0; round < 2000; round++) {
		text[0] = '\0';
		for (long i = random() % 12; i >= 0; i--)
			strcat(text, pieces[(size_t)random() % COUNT(pieces)]);
		size_t length = strlen(text);
		if (round % 4 == 0 && length > 0)
			text[(size_t)random() % length] = (char)random();
		config_put_bytes(config_file, text, length);
		int r = config_options("--config", config_file, NULL);
		assert_true(r == 0 || r == -EINVAL);
		assert_int_equal(r == 0, config_log[0] == '\0');
		good += r == 0;
		assert_in_range(config_read.options.decoders, 1, 256);
		assert_int_equal(config_read.options.socket[0], '/');
	}
	assert_in_range(good, 50, 1900);
}

#define TEST(function) cmocka_unit_test_setup(function, config_clear)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_mistakes),
		TEST(test_all_mistakes),
		TEST(test_grammar),
		TEST(test_lengths),
		TEST(test_not_a_file),
		TEST(test_drop_ins),
		TEST(test_garbage),
	};
	return cmocka_run_group_tests(tests, config_setup, config_teardown);
}
