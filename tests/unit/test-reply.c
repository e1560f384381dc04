/*
 * Replies: a daemon that is silent, speaks rubbish, sends descriptors that nobody wants, or
 * refuses in good order.
 */
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>

#include "client/include/shmimg.h"
#include "client/protocol/wire.h"
#include "tests/unit/fake-daemon.h"

enum { SHORT = 50 }; /* milliseconds */

/* Greets, then answers STATS with its context and waits for the end. */
static void answer_stats(struct fake *fake, void *text)
{
	fake_handshake(fake);
	fake_hear(fake, "STATS");
	fake_say(fake, text);
	fake_hear_end(fake);
}

static int count_record(const shmimg_record *record, void *count)
{
	(void)record;
	++*(int *)count;
	return 0;
}

/* Asks STATS of a daemon that answers text, and expects the end of the connection. */
static void lose(struct fake *fake, const char *text, int error)
{
	char *copy = strdup(text);
	int count = 0;
	shmimg_client *client = fake_connect(fake, answer_stats, copy);
	assert_int_equal(shmimg_stats(client, count_record, &count), error);
	assert_int_equal(count, 0);
	assert_string_not_equal(shmimg_message(client), "");
	assert_string_equal(shmimg_code(client), "");
	assert_int_equal(shmimg_stats(client, count_record, &count), -EPROTO);
	assert_string_equal(
		shmimg_message(client), "the daemon violated the protocol; use a new client");
	fake_finish(fake, client);
	free(copy);
}

/* Is silent on a first connection, and answers STATS on a second. */
static void answer_on_the_second(struct fake *fake, void *text)
{
	answer_stats(fake, (char[]){""});
	if (fake_accept(fake))
		answer_stats(fake, text);
}

static void silent_after_the_greeting(void **state)
{
	struct fake *fake = *state;
	shmimg_client *client = fake_connect(fake, answer_on_the_second, (char[]){"OK images=1\n"});
	int count = 0;
	shmimg_set_timeout(client, SHORT);
	int64_t start = unit_now();
	assert_int_equal(shmimg_stats(client, count_record, &count), -ETIMEDOUT);
	assert_in_range(unit_now() - start, SHORT, FAKE_TIMEOUT / 2);
	assert_string_equal(shmimg_message(client), "the daemon did not answer in time");
	assert_int_equal(count, 0);
	shmimg_set_timeout(client, FAKE_TIMEOUT);
	assert_int_equal(shmimg_stats(client, count_record, &count), 0);
	assert_int_equal(count, 1);
	/* That of the last call that failed. */
	assert_string_equal(shmimg_message(client), "the daemon did not answer in time");
	fake_finish(fake, client);
}

static void count_signal(int number)
{
	(void)number;
}

/* Signals neither end a wait nor make it longer. */
static void signals_during_a_wait(void **state)
{
	struct sigaction action = {.sa_handler = count_signal}, old;
	struct itimerval tick = {{0, 3000}, {0, 3000}}, off = {{0, 0}, {0, 0}};
	assert_int_equal(sigaction(SIGALRM, &action, &old), 0);
	assert_int_equal(setitimer(ITIMER_REAL, &tick, NULL), 0);
	silent_after_the_greeting(state);
	assert_int_equal(setitimer(ITIMER_REAL, &off, NULL), 0);
	assert_int_equal(sigaction(SIGALRM, &old, NULL), 0);
}

static void line_too_long(void **state)
{
	char *text = malloc(WIRE_LINE_MAX + 2);
	assert_non_null(text);
	memset(text, 'x', WIRE_LINE_MAX + 1);
	memcpy(text, "OK k=", 5);
	text[WIRE_LINE_MAX] = '\n';
	text[WIRE_LINE_MAX + 1] = '\0';
	lose(*state, text, -EPROTO);
	free(text);
}

static int longest_value(const shmimg_record *record, void *length)
{
	*(size_t *)length = strlen(shmimg_record_get(record, "k"));
	return 0;
}

static void longest_line(void **state)
{
	char *text = malloc(WIRE_LINE_MAX + 1);
	assert_non_null(text);
	memset(text, 'x', WIRE_LINE_MAX);
	memcpy(text, "OK k=", 5);
	text[WIRE_LINE_MAX - 1] = '\n';
	text[WIRE_LINE_MAX] = '\0';
	size_t length = 0;
	shmimg_client *client = fake_connect(*state, answer_stats, text);
	assert_int_equal(shmimg_stats(client, longest_value, &length), 0);
	assert_int_equal(length, WIRE_LINE_MAX - 6);
	fake_finish(*state, client);
	free(text);
}

static void rubbish(void **state)
{
	lose(*state, "ok images=1\n", -EPROTO);
}

static void bad_escape(void **state)
{
	lose(*state, "OK images=%zz\n", -EPROTO);
}

static void neither_ok_nor_err(void **state)
{
	lose(*state, "EVENT images=1\n", -EPROTO);
}

static void empty_line(void **state)
{
	lose(*state, "\n", -EPROTO);
}

static void error_without_code(void **state)
{
	lose(*state, "ERR message=oops\n", -EPROTO);
}

static void error_with_unknown_code(void **state)
{
	lose(*state, "ERR code=odd message=oops\n", -EPROTO);
}

static void item_where_none_belongs(void **state)
{
	lose(*state, "ITEM name=a\nOK count=1\n", -EPROTO);
}

static void refused_twice(struct fake *fake, void *context)
{
	(void)context;
	fake_handshake(fake);
	fake_hear(fake, "DROP name=a");
	fake_say(fake, "ERR code=not-found message=no%20image%20a\n");
	fake_hear(fake, "DROP name=b owner=7");
	fake_say(fake, "ERR code=internal\n");
	fake_hear(fake, "DROP name=c");
	fake_say(fake, "OK\n");
	fake_hear_end(fake);
}

static void refusals_leave_the_connection(void **state)
{
	struct fake *fake = *state;
	struct shmimg_options options = SHMIMG_OPTIONS_INIT;
	shmimg_client *client = fake_connect(fake, refused_twice, NULL);
	assert_int_equal(shmimg_drop(client, "a", NULL), -ENOENT);
	assert_string_equal(shmimg_message(client), "no image a");
	assert_string_equal(shmimg_code(client), "not-found");
	options.owner = 7;
	assert_int_equal(shmimg_drop(client, "b", &options), -EREMOTEIO);
	assert_string_equal(shmimg_code(client), "internal");
	assert_string_equal(shmimg_message(client), "see the daemon's log");
	assert_int_equal(shmimg_drop(client, "c", NULL), 0);
	assert_string_equal(shmimg_code(client), "internal");
	fake_finish(fake, client);
}

static void unasked_words(void **state)
{
	struct fake *fake = *state;
	char text[] = "OK images=1\nOK images=2\n";
	int count = 0;
	shmimg_client *client = fake_connect(fake, answer_stats, text);
	assert_int_equal(shmimg_stats(client, count_record, &count), 0);
	assert_int_equal(shmimg_stats(client, count_record, &count), -EPROTO);
	assert_int_equal(shmimg_stats(client, count_record, &count), -EPROTO);
	assert_int_equal(count, 1);
	fake_finish(fake, client);
}

/* A long message is cut, not refused. */
static void message_too_long(void **state)
{
	char *text = malloc(5000);
	assert_non_null(text);
	int length = snprintf(text, 5000, "ERR code=busy message=%04000d\n", 0);
	assert_true(length > 4000);
	int count = 0;
	shmimg_client *client = fake_connect(*state, answer_stats, text);
	assert_int_equal(shmimg_stats(client, count_record, &count), -EBUSY);
	assert_in_range(strlen(shmimg_message(client)), 500, 4000);
	fake_finish(*state, client);
	free(text);
}

static size_t open_descriptors(void)
{
	size_t count = 0;
	for (int fd = 0; fd < 1024; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

/* Says its reply with as many descriptors as its context tells. */
static void send_descriptors(struct fake *fake, void *context)
{
	int fds[16];
	size_t count = *(size_t *)context;
	for (size_t i = 0; i < count; i++)
		fds[i] = fake->listener;
	fake_handshake(fake);
	fake_hear(fake, "STATS");
	fake_say_with(fake, "OK images=1\n", fds, count);
	fake_hear(fake, "DROP name=x");
	fake_say(fake, "OK\n");
	fake_hear_end(fake);
}

static void unwanted_descriptors_are_closed(void **state)
{
	for (size_t sent = 1; sent <= 4; sent++) {
		int count = 0;
		shmimg_client *client = fake_connect(*state, send_descriptors, &sent);
		size_t before = open_descriptors();
		assert_int_equal(shmimg_stats(client, count_record, &count), 0);
		assert_int_equal(open_descriptors(), before);
		assert_int_equal(shmimg_drop(client, "x", NULL), 0);
		fake_finish(*state, client);
	}
}

static void send_too_many(struct fake *fake, void *context)
{
	(void)context;
	int fds[16];
	for (size_t i = 0; i < COUNT(fds); i++)
		fds[i] = fake->listener;
	fake_handshake(fake);
	fake_hear(fake, "STATS");
	fake_say_with(fake, "OK images=1\n", fds, COUNT(fds));
	fake_hear_end(fake);
}

static void too_many_descriptors(void **state)
{
	int count = 0;
	shmimg_client *client = fake_connect(*state, send_too_many, NULL);
	size_t before = open_descriptors();
	assert_int_equal(shmimg_stats(client, count_record, &count), -EPROTO);
	/* The daemon's end of the connection may be closed by now, too. */
	assert_in_range(open_descriptors(), before - 1, before);
	assert_int_equal(shmimg_stats(client, count_record, &count), -EPROTO);
	fake_finish(*state, client);
}

static void send_one_and_again(struct fake *fake, void *context)
{
	(void)context;
	fake_handshake(fake);
	fake_hear(fake, "STATS");
	fake_say_with(fake, "OK images=1\n", &fake->listener, 1);
	fake_hear_end(fake);
	if (!fake_accept(fake))
		return;
	fake_handshake(fake);
	fake_hear(fake, "STATS");
	fake_say(fake, "OK images=1\n");
	fake_hear_end(fake);
}

/* That this process has too many open is no fault of the daemon's. */
static void no_room_for_a_descriptor(void **state)
{
	struct rlimit limit, none;
	int count = 0;
	shmimg_client *client = fake_connect(*state, send_one_and_again, NULL);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	none = (struct rlimit){1, limit.rlim_max}; /* poll(2) wants one */
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	int r = shmimg_stats(client, count_record, &count);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	assert_int_equal(r, -EMFILE);
	assert_int_equal(count, 0);
	assert_int_equal(shmimg_stats(client, count_record, &count), 0);
	fake_finish(*state, client);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, fake_setup, fake_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(silent_after_the_greeting),
		TEST(signals_during_a_wait),
		TEST(line_too_long),
		TEST(longest_line),
		TEST(rubbish),
		TEST(bad_escape),
		TEST(neither_ok_nor_err),
		TEST(empty_line),
		TEST(error_without_code),
		TEST(error_with_unknown_code),
		TEST(item_where_none_belongs),
		TEST(refusals_leave_the_connection),
		TEST(unasked_words),
		TEST(message_too_long),
		TEST(unwanted_descriptors_are_closed),
		TEST(too_many_descriptors),
		TEST(no_room_for_a_descriptor),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
