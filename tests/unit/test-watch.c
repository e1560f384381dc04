/*
 * Watching: events one by one, waits that end without one, and daemons that go away, after
 * which the client watches the next one and says that something was lost.
 */
#include "tests/unit/unit.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>

#include "tests/unit/fake-daemon.h"

enum { SHORT = 50 }; /* milliseconds */

static const char request[] = "WATCH match=*.png";

static int note(const shmimg_record *record, void *text)
{
	const char *name = shmimg_record_get(record, "name");
	snprintf(text, 64, "%s %s", shmimg_record_get(record, "type"), name ? name : "-");
	return 3;
}

static void expect(shmimg_client *client, const char *wanted)
{
	char text[64] = "";
	int r = shmimg_next_event(client, FAKE_TIMEOUT, note, text);
	if (r < 0)
		print_error("next event: %s\n", shmimg_message(client));
	assert_int_equal(r, 3);
	assert_string_equal(text, wanted);
}

static void expect_error(shmimg_client *client, int timeout_ms, int error)
{
	char text[64] = "";
	assert_int_equal(shmimg_next_event(client, timeout_ms, note, text), error);
	assert_string_equal(text, "");
}

static shmimg_client *subscription(struct fake *fake, fake_script *script)
{
	shmimg_client *client = fake_connect(fake, script, NULL);
	assert_int_equal(shmimg_watch(client, "*.png"), 0);
	return client;
}

static void greet_watcher(struct fake *fake)
{
	fake_handshake(fake);
	fake_hear(fake, request);
	fake_say(fake, "OK\n");
}

static void tell_two(struct fake *fake, void *context)
{
	(void)context;
	greet_watcher(fake);
	fake_say(fake, "EVENT type=loaded name=a\nEVENT type=dropped name=a\n");
	fake_hear_end(fake);
}

static void events(void **state)
{
	shmimg_client *client = subscription(*state, tell_two);
	expect(client, "loaded a");
	expect(client, "dropped a");
	expect_error(client, 0, -ETIMEDOUT);
	int64_t start = unit_now();
	expect_error(client, SHORT, -ETIMEDOUT);
	assert_in_range(unit_now() - start, SHORT, FAKE_TIMEOUT / 2);
	fake_finish(*state, client);
}

static void nothing_else_meanwhile(void **state)
{
	char text[64] = "";
	shmimg_client *client = subscription(*state, tell_two);
	assert_int_equal(shmimg_stats(client, note, text), -EBUSY);
	assert_int_equal(shmimg_watch(client, NULL), -EBUSY);
	expect(client, "loaded a");
	fake_finish(*state, client);
	client = fake_connect(*state, fake_handshake_and_wait, NULL);
	expect_error(client, 0, -EBUSY);
	fake_finish(*state, client);
}

/* Goes with a last event unread; the next daemon turns the client away at first. */
static void tell_and_go(struct fake *fake, void *context)
{
	(void)context;
	greet_watcher(fake);
	fake_say(fake, "EVENT type=loaded name=a\nEVENT type=lo");
	if (!fake_accept(fake))
		return;
	fake_handshake(fake);
	fake_hear(fake, request);
	fake_say(fake, "ERR code=busy message=full\n");
	fake_hear_end(fake);
	if (!fake_accept(fake))
		return;
	greet_watcher(fake);
	fake_say(fake, "EVENT type=loaded name=b\n");
	fake_hear_end(fake);
}

static void watches_the_next_daemon(void **state)
{
	shmimg_client *client = subscription(*state, tell_and_go);
	expect(client, "loaded a");
	expect_error(client, FAKE_TIMEOUT, -EBUSY);
	assert_string_equal(shmimg_message(client), "full");
	expect(client, "overflow -");
	expect(client, "loaded b");
	expect_error(client, 0, -ETIMEDOUT);
	fake_finish(*state, client);
}

static void die(struct fake *fake, void *context)
{
	(void)context;
	greet_watcher(fake);
	fake_die(fake);
}

static void no_other_daemon(void **state)
{
	shmimg_client *client = subscription(*state, die);
	struct pollfd poller = {.fd = shmimg_fd(client), .events = POLLIN};
	assert_int_equal(poll(&poller, 1, FAKE_TIMEOUT), 1);
	shmimg_set_timeout(client, SHORT);
	expect_error(client, -1, -ECONNREFUSED);
	expect_error(client, 0, -ECONNREFUSED);
	fake_finish(*state, client);
}

static void speak_rubbish(struct fake *fake, void *context)
{
	(void)context;
	greet_watcher(fake);
	fake_say(fake, "EVENT name=a\n");
	fake_hear_end(fake);
}

static void rubbish_ends_it(void **state)
{
	shmimg_client *client = subscription(*state, speak_rubbish);
	expect_error(client, FAKE_TIMEOUT, -EPROTO);
	expect_error(client, FAKE_TIMEOUT, -EPROTO);
	fake_finish(*state, client);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, fake_setup, fake_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(events),
		TEST(nothing_else_meanwhile),
		TEST(watches_the_next_daemon),
		TEST(no_other_daemon),
		TEST(rubbish_ends_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
