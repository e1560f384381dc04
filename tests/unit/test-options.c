/*
 * Options: of this version, of an earlier and of a later one; and the words of formats.
 */
#include "tests/unit/unit.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/fake-daemon.h"

/* Hears the request that is its context, and refuses it. */
static void refuse(struct fake *fake, void *request)
{
	fake_handshake(fake);
	fake_hear(fake, request);
	fake_say(fake, "ERR code=not-found message=none\n");
	fake_hear_end(fake);
}

/* Fetches "a" and expects the daemon to hear a request. */
static void sends(struct fake *fake, const struct shmimg_options *options, const char *request)
{
	char *copy = strdup(request);
	shmimg_image *image;
	shmimg_client *client = fake_connect(fake, refuse, copy);
	assert_int_equal(shmimg_fetch(client, "a", options, &image), -ENOENT);
	fake_finish(fake, client);
	free(copy);
}

/* Uses options that no call takes, and expects that nothing is sent. */
static void invalid(struct fake *fake, const struct shmimg_options *options)
{
	shmimg_image *image;
	shmimg_client *client = fake_connect(fake, fake_handshake_and_wait, NULL);
	assert_int_equal(shmimg_fetch(client, "a", options, &image), -EINVAL);
	assert_int_equal(shmimg_load(client, "/etc/passwd", "a", options, &image), -EINVAL);
	assert_int_equal(shmimg_drop(client, "a", options), -EINVAL);
	assert_int_equal(shmimg_stat(client, "a", options, NULL, NULL), -EINVAL);
	assert_string_equal(shmimg_message(client),
		"an option has an invalid value; libshmimg(3) lists the valid ones");
	fake_finish(fake, client);
}

static void defaults_say_nothing(void **state)
{
	struct shmimg_options options = SHMIMG_OPTIONS_INIT;
	sends(*state, NULL, "FETCH name=a");
	sends(*state, &options, "FETCH name=a");
}

static void every_format(void **state)
{
	static const struct {
		enum shmimg_format format;
		const char *request;
	} formats[] = {
		{SHMIMG_RGBA8, "FETCH name=a format=RGBA8"},
		{SHMIMG_BGRA8_PREMUL, "FETCH name=a format=BGRA8-premul"},
		{SHMIMG_RGB8, "FETCH name=a format=RGB8"},
		{SHMIMG_GRAY8, "FETCH name=a format=GRAY8"},
		{SHMIMG_RGBA16, "FETCH name=a format=RGBA16"},
		{SHMIMG_GRAY16, "FETCH name=a format=GRAY16"},
		{SHMIMG_NATIVE, "FETCH name=a format=native"},
	};
	for (size_t i = 0; i < COUNT(formats); i++) {
		struct shmimg_options options = SHMIMG_OPTIONS_INIT;
		options.format = formats[i].format;
		sends(*state, &options, formats[i].request);
	}
}

static void owners(void **state)
{
	struct shmimg_options options = SHMIMG_OPTIONS_INIT;
	options.owner = 0;
	sends(*state, &options, "FETCH name=a owner=0");
	options.owner = UINT32_MAX - 1;
	sends(*state, &options, "FETCH name=a owner=4294967294");
	options.owner = SHMIMG_OWNER_ANY;
	sends(*state, &options, "FETCH name=a owner=any");
	options.owner = SHMIMG_OWNER_SELF;
	sends(*state, &options, "FETCH name=a");
}

static void sharing_is_not_for_fetching(void **state)
{
	struct shmimg_options options = SHMIMG_OPTIONS_INIT;
	options.share = SHMIMG_ALL;
	options.keep = SHMIMG_PINNED;
	sends(*state, &options, "FETCH name=a");
}

static void earlier_version(void **state)
{
	struct shmimg_options options = SHMIMG_OPTIONS_INIT;
	options.format = SHMIMG_GRAY8;
	options.owner = 5;
	options.size = offsetof(struct shmimg_options, owner);
	sends(*state, &options, "FETCH name=a format=GRAY8");
	options.size = offsetof(struct shmimg_options, owner) + 4;
	sends(*state, &options, "FETCH name=a format=GRAY8");
	options.size = sizeof(options.size);
	sends(*state, &options, "FETCH name=a");
}

static void boxes(void **state)
{
	struct shmimg_options options = SHMIMG_OPTIONS_INIT;
	options.width = 5;
	sends(*state, &options, "FETCH name=a width=5");
	options.height = INT32_MAX;
	options.format = SHMIMG_GRAY8;
	sends(*state, &options, "FETCH name=a format=GRAY8 width=5 height=2147483647");
	/* Who knows of none has 0 where the width is, and ends there. */
	options.width = 0;
	options.size = offsetof(struct shmimg_options, height);
	sends(*state, &options, "FETCH name=a format=GRAY8");
}

struct later {
	struct shmimg_options options;
	int64_t more[4];
};

static void later_version(void **state)
{
	struct later later = {.options = SHMIMG_OPTIONS_INIT};
	later.options.size = sizeof(later);
	later.options.owner = 5;
	sends(*state, &later.options, "FETCH name=a owner=5");
}

static void later_version_says_more(void **state)
{
	struct later later = {.options = SHMIMG_OPTIONS_INIT, .more = {0, 0, 0, 1}};
	later.options.size = sizeof(later);
	invalid(*state, &later.options);
}

static void sizes_that_are_none(void **state)
{
	static const size_t sizes[] = {0, 1, sizeof(size_t) - 1, 4097, SIZE_MAX};
	for (size_t i = 0; i < COUNT(sizes); i++) {
		struct shmimg_options options = SHMIMG_OPTIONS_INIT;
		options.size = sizes[i];
		invalid(*state, &options);
	}
}

static void values_that_are_none(void **state)
{
	struct shmimg_options bad[11];
	for (size_t i = 0; i < COUNT(bad); i++)
		bad[i] = (struct shmimg_options)SHMIMG_OPTIONS_INIT;
	bad[0].format = (enum shmimg_format)7;
	bad[1].format = (enum shmimg_format)254;
	bad[2].share = (enum shmimg_share)3;
	bad[3].keep = (enum shmimg_keep)3;
	bad[4].owner = -3;
	bad[5].owner = UINT32_MAX;
	bad[6].owner = INT64_MAX;
	bad[7].follow = (enum shmimg_follow)3;
	bad[8].reserved = 1;
	bad[9].width = (uint32_t)INT32_MAX + 1;
	bad[10].height = UINT32_MAX;
	for (size_t i = 0; i < COUNT(bad); i++)
		invalid(*state, &bad[i]);
}

static void words_of_formats(void **state)
{
	(void)state;
	for (unsigned i = 1; i <= 6; i++) {
		const char *word = shmimg_format_name((enum shmimg_format)i);
		assert_non_null(word);
		assert_int_equal(shmimg_format_parse(word), i);
		assert_in_range(shmimg_format_bytes((enum shmimg_format)i), 1, 8);
	}
	assert_string_equal(shmimg_format_name(SHMIMG_NATIVE), "native");
	assert_int_equal(shmimg_format_parse("native"), SHMIMG_NATIVE);
}

static void words_of_no_format(void **state)
{
	(void)state;
	assert_null(shmimg_format_name(SHMIMG_DEFAULT));
	assert_null(shmimg_format_name((enum shmimg_format)7));
	assert_int_equal(shmimg_format_parse("rgba8"), -EINVAL);
	assert_int_equal(shmimg_format_parse(""), -EINVAL);
	assert_int_equal(shmimg_format_bytes(SHMIMG_DEFAULT), 0);
	assert_int_equal(shmimg_format_bytes(SHMIMG_NATIVE), 0);
	assert_int_equal(shmimg_format_bytes((enum shmimg_format)7), 0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, fake_setup, fake_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(defaults_say_nothing),
		TEST(every_format),
		TEST(owners),
		TEST(sharing_is_not_for_fetching),
		TEST(earlier_version),
		TEST(boxes),
		TEST(later_version),
		TEST(later_version_says_more),
		TEST(sizes_that_are_none),
		TEST(values_that_are_none),
		TEST(words_of_formats),
		TEST(words_of_no_format),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
