/*
 * Tests of what one image may cost: pixels, bytes, pixels for each byte of its file, and time;
 * of the options that say how much; and of how long the names may be that are noted.
 */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "daemon/config/configuration.h"
#include "daemon/segment/follow-record.h"
#include "tests/unit/unit.h"
#include "tests/unit/world.h"

static int read_option(struct options *options, const char *name, const char *text)
{
	return option_set(options, option_from_string(name), text);
}

static void test_options(void **state)
{
	static const struct {
		const char *name, *text;
	} bad[] = {
		{"max-bytes", ""},
		{"max-bytes", "1Q"},
		{"max-pixels-per-byte", "0"},
		{"max-pixels-per-byte", "1K"},
		{"user-decoders", "0"},
		{"user-decoders", "257"},
		{"decoder-idle", "0"},
		{"decoder-idle", "86401"},
		{"decode-timeout-megapixel", "0"},
		{"decode-timeout-megapixel", "60001"},
	};
	struct options options;
	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		if (read_option(&options, bad[i].name, bad[i].text) != -EINVAL)
			fail_msg("%s=%s", bad[i].name, bad[i].text);
	}
	assert_int_equal(read_option(&options, "max-bytes", "1M"), 0);
	assert_int_equal(options.max_bytes, 1 << 20);
	assert_int_equal(read_option(&options, "max-pixels-per-byte", "1"), 0);
	assert_int_equal(options.max_pixels_per_byte, 1);
	assert_int_equal(read_option(&options, "user-decoders", "1"), 0);
	assert_int_equal(options.user_decoders, 1);
	assert_int_equal(read_option(&options, "decoder-idle", "86400"), 0);
	assert_int_equal(options.decoder_idle, 86400);
	assert_int_equal(read_option(&options, "decode-timeout-megapixel", "60000"), 0);
	assert_int_equal(options.decode_timeout_megapixel, 60000);
}

static void test_defaults(void **state)
{
	static char name[] = "shmimgd", socket[] = "--socket=/x", decoders[] = "--decoders=3",
		    mode[] = "--socket-mode=0600";
	static struct configuration configuration;
	char *argv[] = {name, socket, decoders, mode, NULL};
	const struct options *options = &configuration.options;
	struct command_line line;
	(void)state;
	optind = 0; /* getopt_long(3) begins anew */
	assert_int_equal(command_line_read(&line, 4, argv), 0);
	assert_int_equal(configuration_read(&configuration, &line), 0);
	assert_int_equal(options->user_decoders, 3);
	assert_int_equal(options->decoder_idle, 60);
	assert_int_equal(options->decode_timeout_megapixel, 1000);
	assert_int_equal(options->max_pixels_per_byte, 10000);
	assert_true(options->max_bytes >= options->memory_max);
}

/* What an image may have, and what the refusal says of the limit. An image is 8 x 8. */
static void test_limits(void **state)
{
	struct world world;
	(void)state;
	struct session *session = world_begin(&world, FAKE_DECODER);
	struct options *options = &world.options;
	const struct {
		uint64_t *limit, low, enough;
		const char *fields, *message;
	} limits[] = {
		{&options->max_pixels, 63, 64, "limit=max-pixels used=64 max=63 ",
			"8%20x%208%20pixels%20are%20more%20than%20max-pixels=63;%20raise%20it%"
			"20with"
			"%20the%20option%20--max-pixels%20of%20shmimgd"},
		{&options->max_pixels_per_byte, 15, 16, "",
			"8%20x%208%20pixels%20in%20a%20file%20of%204%20bytes%20are%20more%20than%20"
			"max-pixels-per-byte=15;%20raise%20it%20with%20the%20option%20"
			"--max-pixels-per-byte%20of%20shmimgd"},
		{&options->max_bytes, 8191, 8192, "limit=max-bytes used=8192 max=8191 ",
			"the%20image%20needs%208192%20bytes,%20more%20than%20max-bytes=8191;"
			"%20raise%20it%20with%20the%20option%20--max-bytes%20of%20shmimgd"},
	};
	for (size_t i = 0; i < COUNT(limits); i++) {
		char expected[512];
		uint64_t usual = *limits[i].limit;
		snprintf(expected, sizeof(expected), "ERR code=too-large %smessage=%s",
			limits[i].fields, limits[i].message);
		*limits[i].limit = limits[i].low;
		world_load(&world, session, "a", "good", expected);
		*limits[i].limit = limits[i].enough;
		world_load(&world, session, "b", "good", "OK name=b ");
		*limits[i].limit = usual;
	}
	assert_int_equal(world.engine.pool.restarts, 0);
	world_end(&world, session);
}

/* Whatever the limits are: what no segment can hold is refused. */
static void test_no_limits(void **state)
{
	struct world world;
	(void)state;
	struct session *session = world_begin(&world, FAKE_DECODER);
	world.options.max_pixels = world.options.max_pixels_per_byte = UINT64_MAX;
	world.options.decode_timeout_megapixel = UINT32_MAX;
	world_load(&world, session, "a", "all-huge",
		"ERR code=too-large message=the%20image%20is%20too%20large");
	world_load(&world, session, "a", "width-huge", "ERR code=no-space ");
	world_load(&world, session, "a", "good", "OK name=a ");
	world_end(&world, session);
}

static uint64_t microseconds(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* An image of 64 pixels at 15.625 seconds for each thousand: two seconds, after the header. */
static void test_time_grows_with_pixels(void **state)
{
	static const struct {
		const char *word, *message;
		uint64_t seconds_min;
	} cases[] = {
		{"early-hang",
			"longer%20than%201%20seconds;%20allow%20more%20with%20the%20option%20--"
			"decode-timeout",
			1},
		{"late-hang",
			"longer%20than%202%20seconds;%20allow%20more%20with%20the%20option%20--"
			"decode-timeout",
			2},
	};
	static struct answer hung;
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct world world;
		struct session *session = world_begin(&world, FAKE_DECODER);
		world.options.decode_timeout_megapixel = 15625000;
		uint64_t begin = microseconds();
		world_call(session, &hung, "LOAD name=a source=fd", world_file(cases[i].word));
		world_wait(&world, &hung);
		assert_true(microseconds() - begin >= cases[i].seconds_min * 1000000);
		assert_non_null(strstr(hung.data, "ERR code=decoder-failed"));
		assert_non_null(strstr(hung.data, cases[i].message));
		world_end(&world, session);
	}
}

static void test_records_that_are_too_long(void **state)
{
	static const struct identity identity = {.follows = "/nowhere/at/all"};
	static char name[NAME_LENGTH_MAX + 2], path[PATH_MAX + 1];
	char file[FOLLOW_RECORD_NAME_SIZE];
	(void)state;
	memset(name, 'n', sizeof(name) - 1);
	memset(path, '/', sizeof(path) - 1);
	assert_int_equal(follow_record_write(&identity, 0, name, "/a", file), -ENAMETOOLONG);
	assert_int_equal(follow_record_write(&identity, 0, "a", path, file), -ENAMETOOLONG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_options),
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_no_limits),
		cmocka_unit_test(test_time_grows_with_pixels),
		cmocka_unit_test(test_records_that_are_too_long),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
