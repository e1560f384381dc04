/*
 * Tests of the daemon's configuration: which files are read, which value overrides which, the
 * values of each kind of option, and the output of --print-config.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/protocol/name.h"
#include "daemon/config/defaults.h"
#include "tests/unit/config-folder.h"
#include "tests/unit/fault.h"
#include "tests/unit/unit.h"

/* The daemon of the machine has its own file; any other daemon has one in the user's folder. */
static void test_default_files(void **state)
{
	char path[PATH_MAX], expected[2 * CONFIG_PATH_SIZE];
	(void)state;
	assert_non_null(strstr(defaults_config(SOCKET_SYSTEM, path), "etc/shmimgd/shmimgd.conf"));
	assert_ptr_equal(defaults_config("/s", path), path);
	snprintf(expected, sizeof(expected), "%s/shmimgd/shmimgd.conf", config_folder);
	assert_string_equal(path, expected);
	assert_int_equal(config_options("--socket=/s", NULL, NULL), 0); /* need not be there */
	assert_int_equal(system("mkdir $D/shmimgd && echo decoders=5 >$D/shmimgd/shmimgd.conf"), 0);
	assert_int_equal(config_options("--socket=/s", NULL, NULL), 0);
	assert_int_equal(config_read.options.decoders, 5);
	assert_int_equal(config_options("--socket=/s", "--config=/dev/null", "--decoders=6"), 0);
	assert_int_equal(config_read.options.decoders, 6);
	setenv("XDG_CONFIG_HOME", "/dev/null", 1);
	assert_int_equal(config_options("--socket=/s", NULL, NULL), 0);
	setenv("HOME", config_folder, 1);
	setenv("XDG_CONFIG_HOME", "relative", 1);
	assert_ptr_equal(defaults_config("/s", path), path);
	assert_non_null(strstr(path, "/.config/shmimgd/shmimgd.conf"));
	unsetenv("XDG_CONFIG_HOME");
	unsetenv("HOME");
	assert_null(defaults_config("/s", path));
	assert_int_equal(config_options("--socket=/s", NULL, NULL), 0);
	setenv("XDG_CONFIG_HOME", config_folder, 1);
}

/* Where others may connect, the defaults leave them memory and a decoder. */
static void test_room_for_others(void **state)
{
	static const struct {
		const char *mode;
		uint64_t bytes, decoders;
	} cases[] = {
		{"--socket-mode=0600", 4096, 4},
		{"--socket-mode=0644", 4096, 4}, /* to connect is to write */
		{"--socket-mode=0660", 3072, 3},
		{"--socket-mode=0602", 3072, 3},
		{"--socket-mode=0666", 3072, 3},
	};
	const struct options *options = &config_read.options;
	(void)state;
	setenv("SHMIMG_SOCKET", "/own", 1);
	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_int_equal(
			config_options(cases[i].mode, "--memory-max=4K", "--decoders=4"), 0);
		assert_int_equal(options->user_limits[RESOURCE_BYTES], cases[i].bytes);
		assert_int_equal(options->user_decoders, cases[i].decoders);
	}
	assert_int_equal(
		config_options("--socket-mode=0600", "--socket=" SOCKET_SYSTEM, "--decoders=4"), 0);
	assert_int_equal(options->user_decoders, 3);
	assert_int_equal(config_options("--socket-mode=0666", "--decoders=1", NULL), 0);
	assert_int_equal(options->user_decoders, 1);
	assert_int_equal(config_options("--socket-mode=0666", NULL, NULL), 0);
	assert_true(options->decoders >= 2 && options->user_decoders == options->decoders - 1);
	assert_string_equal(config_read.origins[OPTION_USER_DECODERS], "one less than decoders");
	/* What was said counts. */
	assert_int_equal(config_options("--socket-mode=0666", "--user-decoders=256",
				 "--user-bytes=8388607T"),
		0);
	assert_int_equal(options->user_decoders, options->decoders);
	assert_int_equal(options->user_limits[RESOURCE_BYTES], options->memory_max);
	unsetenv("SHMIMG_SOCKET");
}

static void test_order(void **state)
{
	(void)state;
	config_put(config_file, "socket = /file\ndecoders = 3\nmemory-max = 1M\nuser-bytes = 2M\n");
	assert_int_equal(config_options("--config", config_file, "--decoders=4"), 0);
	assert_int_equal(config_read.options.decoders, 4);
	assert_string_equal(config_read.origins[OPTION_DECODERS], "command line");
	assert_string_equal(config_read.options.socket, "/file");
	assert_int_equal(config_read.options.user_limits[RESOURCE_BYTES], 1 << 20);
	assert_string_equal(config_read.origins[OPTION_USER_BYTES], "as memory-max");
	setenv("SHMIMG_SOCKET", "/environment", 1);
	assert_int_equal(config_options("--config", config_file, NULL), 0);
	assert_string_equal(config_read.options.socket, "/environment");
	assert_string_equal(config_read.origins[OPTION_SOCKET], "$SHMIMG_SOCKET");
	assert_int_equal(config_options("--config", config_file, "--socket=/line"), 0);
	assert_string_equal(config_read.options.socket, "/line");
	unsetenv("SHMIMG_SOCKET");
	/* A value that the command line overrides must be valid too. */
	config_put(config_file, "decoders = 0\n");
	assert_int_equal(config_options("--config", config_file, "--decoders=4"), -EINVAL);
	assert_int_equal(config_options("--decoders=0", "--decoders=4", NULL), -EINVAL);
}

static void test_values_as_text(void **state)
{
	static const struct {
		enum option_id id;
		const char *given, *shown;
	} cases[] = {
		{OPTION_SOCKET, "/a b", "/a b"},
		{OPTION_SOCKET_MODE, "6", "0006"},
		{OPTION_SOCKET_MODE, "000777", "0777"},
		{OPTION_MEMORY_MAX, "0", "0"},
		{OPTION_MEMORY_MAX, "1023", "1023"},
		{OPTION_MEMORY_MAX, "1024", "1K"},
		{OPTION_MEMORY_MAX, "1025K", "1025K"},
		{OPTION_MEMORY_MAX, "0001024K", "1M"},
		{OPTION_MEMORY_MAX, "8388607T", "8388607T"},
		{OPTION_MEMORY_MAX, "9223372036854775807", "9223372036854775807"},
		{OPTION_DECODERS, "007", "7"},
		{OPTION_DECODE_TIMEOUT, "86400", "86400"},
		{OPTION_LOG_LEVEL, "error", "error"},
		{OPTION_LOG_LEVEL, "info", "info"},
	};
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct options options;
		char text[OPTION_TEXT_SIZE];
		assert_int_equal(option_set(&options, cases[i].id, cases[i].given), 0);
		option_to_string(&options, cases[i].id, text);
		assert_string_equal(text, cases[i].shown);
	}
}

static void test_print(void **state)
{
	static char text[1 << 14];
	struct configuration first;
	(void)state;
	config_put_drop_in("a\nb.conf", "decoders = 3\n");
	config_put(config_file, "memory-max = 77M\n");
	assert_int_equal(config_options_of_file(), 0);
	first = config_read;
	FILE *out = fmemopen(text, sizeof(text), "w");
	assert_int_equal(configuration_print(&first, out), 0);
	fclose(out);
	assert_non_null(strstr(text, "/c:1\nmemory-max = 77M\n"));
	assert_non_null(strstr(text, "/a?b.conf:1\ndecoders = 3\n"));
	config_clear(state);
	config_put(config_file, text);
	assert_int_equal(config_options("--config", config_file, NULL), 0);
	for (int i = 0; i < OPTION_COUNT; i++)
		assert_true(option_equal(&config_read.options, &first.options, (enum option_id)i));
	out = fopen("/dev/full", "w");
	assert_int_equal(configuration_print(&first, out), -ENOSPC);
	fclose(out);
}

static void test_faults(void **state)
{
	unsigned n = 0;
	(void)state;
	/* Where others may connect, limits of the kernel are read, and may be missing. */
	config_put(config_file, "decoders = 3\nsocket-mode = 0600\n");
	config_put_drop_in("1.conf", "user-pins = 4\n");
	for (bool failed = true; failed;) {
		fault_arm(++n);
		int r = config_options_of_file();
		failed = fault_disarm();
		assert_int_equal(r < 0, failed);
		assert_int_equal(config_log[0] != '\0', failed);
	}
	assert_in_range(n, 7, 20); /* open, memory and status of each file */
	assert_int_equal(config_read.options.user_limits[RESOURCE_PINS], 4);
}

#define TEST(function) cmocka_unit_test_setup(function, config_clear)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_default_files),
		TEST(test_room_for_others),
		TEST(test_order),
		TEST(test_values_as_text),
		TEST(test_print),
		TEST(test_faults),
	};
	return cmocka_run_group_tests(tests, config_setup, config_teardown);
}
