/*
 * Records: STAT, STATS and lists of any length, whole, cut, refused, and ended early.
 */
#include "tests/unit/unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "tests/unit/fake-daemon.h"

enum { SHORT = 50 }; /* milliseconds */

/* What a handler has seen, and when it has enough. */
struct seen {
	shmimg_client *client;
	int count;
	int stop_at; /* 0: never */
	int result;  /* of the handler when it stops */
	char text[256];
};

static int see(const shmimg_record *record, void *context)
{
	struct seen *seen = context;
	size_t used = strlen(seen->text);
	const char *name = shmimg_record_get(record, "name");
	snprintf(seen->text + used, sizeof(seen->text) - used, "[%s]", name ? name : "none");
	return ++seen->count == seen->stop_at ? seen->result : 0;
}

/* A request that is heard and what is said to it; then one more that is answered OK. */
struct script {
	const char *request;
	const char *reply;
};

static void play(struct fake *fake, void *context)
{
	const struct script *script = context;
	fake_handshake(fake);
	fake_hear(fake, script->request);
	fake_say(fake, script->reply);
	fake_hear(fake, "DROP name=next");
	fake_say(fake, "OK\n");
	fake_hear_end(fake);
}

/* Lists, expects a result, and that the connection is still good. */
static void list(struct fake *fake, const char *reply, struct seen *seen, int result)
{
	struct script script = {"LIST", reply};
	shmimg_client *client = fake_connect(fake, play, &script);
	assert_int_equal(shmimg_list(client, NULL, see, seen), result);
	assert_int_equal(shmimg_drop(client, "next", NULL), 0);
	fake_finish(fake, client);
}

static void play_and_end(struct fake *fake, void *context)
{
	const struct script *script = context;
	fake_handshake(fake);
	fake_hear(fake, script->request);
	fake_say(fake, script->reply);
	shutdown(fake->connection, SHUT_WR);
	fake_hear_end(fake);
}

/* Lists, and expects that the connection is given up for good. */
static void lose(struct fake *fake, const char *reply, struct seen *seen)
{
	struct script script = {"LIST", reply};
	shmimg_client *client = fake_connect(fake, play_and_end, &script);
	assert_int_equal(shmimg_list(client, NULL, see, seen), -EPROTO);
	assert_int_equal(shmimg_drop(client, "next", NULL), -EPROTO);
	fake_finish(fake, client);
}

static void empty_list(void **state)
{
	struct seen seen = {0};
	list(*state, "OK count=0\n", &seen, 0);
	assert_int_equal(seen.count, 0);
}

static void list_in_order(void **state)
{
	struct seen seen = {0};
	list(*state, "ITEM name=b\nITEM name=a%20c\nITEM size=1\nOK count=3\n", &seen, 0);
	assert_string_equal(seen.text, "[b][a c][none]");
}

static void pattern_is_sent(void **state)
{
	struct fake *fake = *state;
	struct seen seen = {0};
	struct script script = {"LIST match=/a%20[b-c]*%25", "ITEM name=x\nOK count=1\n"};
	shmimg_client *client = fake_connect(fake, play, &script);
	assert_int_equal(shmimg_list(client, "/a [b-c]*%", see, &seen), 0);
	assert_int_equal(shmimg_drop(client, "next", NULL), 0);
	fake_finish(fake, client);
	assert_int_equal(seen.count, 1);
}

static void pattern_too_long(void **state)
{
	struct fake *fake = *state;
	struct seen seen = {0};
	static char match[6001];
	memset(match, ' ', sizeof(match) - 1);
	shmimg_client *client = fake_connect(fake, fake_handshake_and_wait, NULL);
	assert_int_equal(shmimg_list(client, match, see, &seen), -EINVAL);
	fake_finish(fake, client);
}

static void handler_ends_the_list(void **state)
{
	struct seen seen = {.stop_at = 2, .result = 7};
	list(*state, "ITEM name=a\nITEM name=b\nITEM name=c\nOK count=3\n", &seen, 7);
	assert_string_equal(seen.text, "[a][b]");
	struct seen failed = {.stop_at = 1, .result = -ENOSPC};
	list(*state, "ITEM name=a\nITEM name=b\nOK count=2\n", &failed, -ENOSPC);
	assert_string_equal(failed.text, "[a]");
}

static void refused_list(void **state)
{
	struct seen seen = {0};
	list(*state, "ERR code=invalid-argument message=bad%20glob\n", &seen, -EINVAL);
	assert_int_equal(seen.count, 0);
}

static void refused_in_the_middle(void **state)
{
	struct seen seen = {0};
	list(*state, "ITEM name=a\nERR code=internal message=oops\n", &seen, -EREMOTEIO);
	assert_int_equal(seen.count, 1);
}

static void wrong_count(void **state)
{
	static const char *const ends[] = {"OK count=2\n", "OK count=0\n", "OK\n", "OK count=x\n"};
	for (size_t i = 0; i < COUNT(ends); i++) {
		struct seen seen = {0};
		char reply[64];
		snprintf(reply, sizeof(reply), "ITEM name=a\n%s", ends[i]);
		lose(*state, reply, &seen);
		assert_int_equal(seen.count, 1);
	}
}

static void broken_item(void **state)
{
	struct seen seen = {0};
	lose(*state, "ITEM name=a\nITEM name\nOK count=2\n", &seen);
	assert_int_equal(seen.count, 1);
}

static void list_stops_midway(struct fake *fake, void *context)
{
	(void)context;
	fake_handshake(fake);
	fake_hear(fake, "LIST");
	fake_say(fake, "ITEM name=a\n");
	fake_hear_end(fake);
}

static void silent_in_the_middle(void **state)
{
	struct fake *fake = *state;
	struct seen seen = {0};
	shmimg_client *client = fake_connect(fake, list_stops_midway, NULL);
	shmimg_set_timeout(client, SHORT);
	assert_int_equal(shmimg_list(client, NULL, see, &seen), -ETIMEDOUT);
	assert_int_equal(seen.count, 1);
	fake_finish(fake, client);
}

/* Sends items until nobody hears them any more. */
static void list_without_end(struct fake *fake, void *context)
{
	static const char item[] = "ITEM name=a\n";
	(void)context;
	fake_handshake(fake);
	fake_hear(fake, "LIST");
	while (send(fake->connection, item, sizeof(item) - 1, MSG_NOSIGNAL) > 0)
		;
}

static void endless_list_after_the_handler(void **state)
{
	struct fake *fake = *state;
	struct seen seen = {.stop_at = 3, .result = 1};
	shmimg_client *client = fake_connect(fake, list_without_end, NULL);
	shmimg_set_timeout(client, SHORT);
	assert_int_equal(shmimg_list(client, NULL, see, &seen), -ETIMEDOUT);
	assert_int_equal(seen.count, 3);
	fake_finish(fake, client);
}

enum { MANY = 20000 };

/* Sends many items in pieces that end anywhere. */
static void list_many(struct fake *fake, void *context)
{
	static char piece[1500];
	size_t used = 0;
	(void)context;
	fake_handshake(fake);
	fake_hear(fake, "LIST");
	for (int i = 0; i < MANY; i++) {
		char item[64];
		int length = snprintf(item, sizeof(item), "ITEM name=image-%d\n", i);
		for (int c = 0; c < length; c++) {
			piece[used++] = item[c];
			if (used < sizeof(piece) - 1)
				continue;
			piece[used] = '\0';
			fake_say(fake, piece);
			used = 0;
		}
	}
	piece[used] = '\0';
	fake_say(fake, piece);
	fake_say(fake, "OK count=20000\n");
	fake_hear_end(fake);
}

static int check_number(const shmimg_record *record, void *context)
{
	int *next = context;
	char name[64];
	snprintf(name, sizeof(name), "image-%d", *next);
	const char *found = shmimg_record_get(record, "name");
	if (!found || strcmp(found, name) != 0)
		return 1;
	++*next;
	return 0;
}

static void many_items(void **state)
{
	struct fake *fake = *state;
	int next = 0;
	shmimg_client *client = fake_connect(fake, list_many, NULL);
	assert_int_equal(shmimg_list(client, NULL, check_number, &next), 0);
	assert_int_equal(next, MANY);
	fake_finish(fake, client);
}

static int use_the_client(const shmimg_record *record, void *context)
{
	struct seen *seen = context;
	(void)record;
	seen->count++;
	return shmimg_drop(seen->client, "x", NULL);
}

static void handler_must_not_use_the_client(void **state)
{
	struct fake *fake = *state;
	struct script script = {"LIST", "ITEM name=a\nITEM name=b\nOK count=2\n"};
	shmimg_client *client = fake_connect(fake, play, &script);
	struct seen seen = {.client = client};
	assert_int_equal(shmimg_list(client, NULL, use_the_client, &seen), -EBUSY);
	assert_string_equal(
		shmimg_message(client), "a handler must not use its client; use another client");
	assert_int_equal(seen.count, 1);
	assert_int_equal(shmimg_drop(client, "next", NULL), 0);
	fake_finish(fake, client);
}

static int check_stat(const shmimg_record *record, void *context)
{
	const char *key, *value;
	assert_int_equal(shmimg_record_at(record, 0, &key, &value), 0);
	assert_string_equal(key, "name");
	assert_string_equal(value, "a b");
	assert_int_equal(shmimg_record_at(record, 1, &key, &value), 0);
	assert_string_equal(key, "pins");
	assert_string_equal(value, "2");
	assert_int_equal(shmimg_record_at(record, 2, &key, &value), -ENOENT);
	assert_int_equal(shmimg_record_at(record, SIZE_MAX, &key, &value), -ENOENT);
	assert_string_equal(shmimg_record_get(record, "pins"), "2");
	assert_null(shmimg_record_get(record, "pin"));
	++*(int *)context;
	return 42;
}

static void stat_is_one_record(void **state)
{
	struct fake *fake = *state;
	struct shmimg_options options = SHMIMG_OPTIONS_INIT;
	struct script script = {"STAT name=a%20b owner=0 format=GRAY16", "OK name=a%20b pins=2\n"};
	int count = 0;
	options.owner = 0;
	options.format = SHMIMG_GRAY16;
	shmimg_client *client = fake_connect(fake, play, &script);
	assert_int_equal(shmimg_stat(client, "a b", &options, check_stat, &count), 42);
	assert_int_equal(count, 1);
	assert_int_equal(shmimg_drop(client, "next", NULL), 0);
	fake_finish(fake, client);
}

static void stat_of_no_image(void **state)
{
	struct fake *fake = *state;
	struct script script = {"STAT name=a", "ERR code=not-found message=none\n"};
	struct seen seen = {0};
	shmimg_client *client = fake_connect(fake, play, &script);
	assert_int_equal(shmimg_stat(client, "a", NULL, see, &seen), -ENOENT);
	assert_int_equal(shmimg_stat(client, "", NULL, see, &seen), -EINVAL);
	assert_int_equal(seen.count, 0);
	assert_int_equal(shmimg_drop(client, "next", NULL), 0);
	fake_finish(fake, client);
}

static void stats_are_one_record(void **state)
{
	struct fake *fake = *state;
	struct script script = {"STATS", "OK images=3 bytes=4096\n"};
	struct seen seen = {0};
	shmimg_client *client = fake_connect(fake, play, &script);
	assert_int_equal(shmimg_stats(client, see, &seen), 0);
	assert_int_equal(seen.count, 1);
	assert_int_equal(shmimg_drop(client, "next", NULL), 0);
	fake_finish(fake, client);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, fake_setup, fake_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(empty_list),
		TEST(list_in_order),
		TEST(pattern_is_sent),
		TEST(pattern_too_long),
		TEST(handler_ends_the_list),
		TEST(refused_list),
		TEST(refused_in_the_middle),
		TEST(wrong_count),
		TEST(broken_item),
		TEST(silent_in_the_middle),
		TEST(endless_list_after_the_handler),
		TEST(many_items),
		TEST(handler_must_not_use_the_client),
		TEST(stat_is_one_record),
		TEST(stat_of_no_image),
		TEST(stats_are_one_record),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
