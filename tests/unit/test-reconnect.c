/*
 * Daemons that go and come back, in every state of a call: between calls, in the middle of
 * them, in the handshake; and daemons that do not come back.
 */
#include "tests/unit/unit.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client/include/shmimg.h"
#include "tests/unit/fake-daemon.h"

/* Milliseconds: what a daemon is away for, and what a caller has that is too short for it. */
enum { AWAY = 300, SHORT = 50 };

/* What the last daemon hears, and says. */
struct scene {
	const char *request;
	const char *reply;
	const char *first_reply; /* of the daemon that goes away over the request */
	unsigned deaths;	 /* daemons that go away over it */
};

static void answer(struct fake *fake, const struct scene *scene)
{
	fake_handshake(fake);
	fake_hear(fake, scene->request);
	fake_say(fake, scene->reply);
	fake_hear_end(fake);
}

/* Goes away before the request, and answers as the next daemon. */
static void go_before(struct fake *fake, void *scene)
{
	fake_handshake(fake);
	if (fake_accept(fake))
		answer(fake, scene);
}

/* Goes away over the request so many times, and answers as the next daemon. */
static void go_over_it(struct fake *fake, void *context)
{
	const struct scene *scene = context;
	for (unsigned i = 0; i < scene->deaths; i++) {
		fake_handshake(fake);
		fake_hear(fake, scene->request);
		if (scene->first_reply)
			fake_say(fake, scene->first_reply);
		if (!fake_accept(fake))
			return;
	}
	answer(fake, scene);
}

static int count_record(const shmimg_record *record, void *count)
{
	(void)record;
	++*(int *)count;
	return 0;
}

static struct scene stats(void)
{
	return (struct scene){.request = "STATS", .reply = "OK images=1\n", .deaths = 1};
}

/* Asks STATS, which must be answered once. */
static void ask(shmimg_client *client)
{
	int count = 0;
	int r = shmimg_stats(client, count_record, &count);
	if (r < 0)
		print_error("stats: %s\n", shmimg_message(client));
	assert_int_equal(r, 0);
	assert_int_equal(count, 1);
}

static void refuse(shmimg_client *client, int error)
{
	int count = 0;
	assert_int_equal(shmimg_stats(client, count_record, &count), error);
	assert_int_equal(count, 0);
	assert_string_not_equal(shmimg_message(client), "");
}

/* An event loop sees the end; the next call is on another descriptor. */
static void between_calls(void **state)
{
	struct fake *fake = *state;
	struct scene scene = stats();
	shmimg_client *client = fake_connect(fake, go_before, &scene);
	int before = shmimg_fd(client);
	struct pollfd poller = {.fd = before, .events = POLLIN};
	assert_int_equal(poll(&poller, 1, FAKE_TIMEOUT), 1);
	assert_true(poller.revents & POLLIN);
	ask(client);
	assert_int_not_equal(shmimg_fd(client), before);
	poller.fd = shmimg_fd(client);
	assert_int_equal(poll(&poller, 1, 0), 0);
	assert_string_equal(shmimg_message(client), "");
	fake_finish(fake, client);
}

static void over_the_request(void **state)
{
	static const char *const replies[] = {NULL, "OK imag", "OK images=1"};
	for (size_t i = 0; i < COUNT(replies); i++) {
		struct scene scene = stats();
		scene.first_reply = replies[i];
		shmimg_client *client = fake_connect(*state, go_over_it, &scene);
		ask(client);
		assert_string_equal(shmimg_message(client), "");
		fake_finish(*state, client);
	}
}

/* A request that ends daemons does not end them all. */
static void over_the_request_twice(void **state)
{
	struct scene scene = stats();
	scene.deaths = 2;
	shmimg_client *client = fake_connect(*state, go_over_it, &scene);
	refuse(client, -ECONNRESET);
	assert_string_equal(shmimg_message(client), "the daemon closed the connection");
	ask(client);
	fake_finish(*state, client);
}

static void go_in_the_handshake(struct fake *fake, void *scene)
{
	fake_handshake(fake);
	for (int i = 0; i < 3 && fake_accept(fake); i++)
		fake_hear(fake, "HELLO protocol=1");
	if (fake_accept(fake))
		answer(fake, scene);
}

static void in_the_handshake(void **state)
{
	struct scene scene = stats();
	shmimg_client *client = fake_connect(*state, go_in_the_handshake, &scene);
	ask(client);
	fake_finish(*state, client);
}

/* Is away for a while; its socket's file stays, as after SIGKILL. */
static void be_away(struct fake *fake, void *scene)
{
	fake_handshake(fake);
	fake_die(fake);
	poll(NULL, 0, AWAY);
	fake_listen(fake);
	if (fake_accept(fake))
		answer(fake, scene);
}

static void away_for_a_while(void **state)
{
	struct fake *fake = *state;
	struct scene scene = stats();
	shmimg_client *client = fake_connect(fake, be_away, &scene);
	struct pollfd poller = {.fd = shmimg_fd(client), .events = POLLIN};
	assert_int_equal(poll(&poller, 1, FAKE_TIMEOUT), 1);
	clock_t used = clock();
	int64_t start = unit_now();
	ask(client);
	/* It slept: twenty attempts take no time. */
	assert_in_range(unit_now() - start, AWAY / 2, FAKE_TIMEOUT / 2);
	assert_in_range(clock() - used, 0, AWAY / 4 * (CLOCKS_PER_SEC / 1000));
	fake_finish(fake, client);
}

static void die(struct fake *fake, void *context)
{
	(void)context;
	fake_handshake(fake);
	fake_die(fake);
}

/* The caller has its answer when its time is over, and can ask again. */
static void not_back_in_time(void **state)
{
	struct fake *fake = *state;
	char message[128];
	shmimg_client *client = fake_connect(fake, die, NULL);
	int fd = shmimg_fd(client);
	struct pollfd poller = {.fd = fd, .events = POLLIN};
	assert_int_equal(poll(&poller, 1, FAKE_TIMEOUT), 1);
	shmimg_set_timeout(client, SHORT);
	for (int i = 0; i < 2; i++) {
		int64_t start = unit_now();
		refuse(client, -ECONNREFUSED);
		assert_in_range(unit_now() - start, SHORT, FAKE_TIMEOUT / 2);
		snprintf(message, sizeof(message), "no daemon at %s: %s", fake->path,
			strerror(i ? ENOENT : ECONNREFUSED));
		assert_string_equal(shmimg_message(client), message);
		assert_string_equal(shmimg_code(client), "");
		assert_int_equal(shmimg_fd(client), fd);
		assert_int_equal(poll(&poller, 1, 0), 1);
		unlink(fake->path);
	}
	shmimg_set_timeout(client, 0);
	refuse(client, -ECONNREFUSED);
	fake_finish(fake, client);
}

/* Who would wait for ever for an answer does not wait for ever for a daemon. */
static void not_back_at_all(void **state)
{
	struct fake *fake = *state;
	shmimg_client *client = fake_connect(fake, die, NULL);
	shmimg_set_timeout(client, -1);
	int64_t start = unit_now();
	refuse(client, -ECONNREFUSED);
	assert_in_range(unit_now() - start, 4000, FAKE_TIMEOUT);
	fake_finish(fake, client);
}

/* A connection is there at once, as with systemd's socket, but nobody answers HELLO. */
static void be_silent(struct fake *fake, void *scene)
{
	fake_handshake(fake);
	if (!fake_accept(fake))
		return;
	fake_hear(fake, "HELLO protocol=1");
	fake_hear_end(fake);
	if (fake_accept(fake))
		answer(fake, scene);
}

static void silent_in_the_handshake(void **state)
{
	struct scene scene = stats();
	shmimg_client *client = fake_connect(*state, be_silent, &scene);
	shmimg_set_timeout(client, SHORT);
	refuse(client, -ETIMEDOUT);
	shmimg_set_timeout(client, FAKE_TIMEOUT);
	ask(client);
	fake_finish(*state, client);
}

static void turn_away(struct fake *fake, void *scene)
{
	fake_handshake(fake);
	if (!fake_accept(fake))
		return;
	fake_hear(fake, "HELLO protocol=1");
	fake_say(fake, "ERR code=busy message=full\n");
	if (fake_accept(fake))
		answer(fake, scene);
}

/* A refusal is an answer; the next call may have another one. */
static void turned_away(void **state)
{
	struct scene scene = stats();
	shmimg_client *client = fake_connect(*state, turn_away, &scene);
	refuse(client, -EBUSY);
	assert_string_equal(shmimg_code(client), "busy");
	assert_string_equal(shmimg_message(client), "full");
	ask(client);
	fake_finish(*state, client);
}

static void become_another_server(struct fake *fake, void *reply)
{
	fake_handshake(fake);
	if (!fake_accept(fake))
		return;
	fake_hear(fake, "HELLO protocol=1");
	fake_say(fake, reply);
	fake_hear_end(fake);
}

static void another_server(void **state)
{
	static char replies[][40] = {
		"HTTP/1.1 400 Bad Request\r\n", "OK protocol=2 version=1 uid=0\n"};
	for (size_t i = 0; i < COUNT(replies); i++) {
		shmimg_client *client = fake_connect(*state, become_another_server, replies[i]);
		refuse(client, -EPROTO);
		refuse(client, -EPROTO);
		fake_finish(*state, client);
	}
}

/* Says why it ends the connection, as a daemon does that was sent rubbish. */
static void refuse_and_go(struct fake *fake, void *context)
{
	const struct scene *scene = context;
	fake_handshake(fake);
	fake_hear(fake, scene->request);
	fake_say(fake, "ERR code=protocol message=what\n");
	if (fake_accept(fake))
		answer(fake, scene);
}

static void refused_and_ended(void **state)
{
	struct scene scene = stats();
	shmimg_client *client = fake_connect(*state, refuse_and_go, &scene);
	refuse(client, -EPROTO);
	assert_string_equal(shmimg_code(client), "protocol");
	ask(client);
	fake_finish(*state, client);
}

static void list_is_repeated(void **state)
{
	struct scene scene = {"LIST match=a", "ITEM name=a\nOK count=1\n", "ITEM na", 1};
	int count = 0;
	shmimg_client *client = fake_connect(*state, go_over_it, &scene);
	assert_int_equal(shmimg_list(client, "a", count_record, &count), 0);
	assert_int_equal(count, 1);
	fake_finish(*state, client);
}

/* Nobody is told the same twice. */
static void list_is_not_continued(void **state)
{
	struct scene scene = {"LIST", "OK count=0\n", "ITEM name=a\nITEM na", 1};
	int count = 0;
	shmimg_client *client = fake_connect(*state, go_over_it, &scene);
	assert_int_equal(shmimg_list(client, NULL, count_record, &count), -ECONNRESET);
	assert_int_equal(count, 1);
	assert_int_equal(shmimg_list(client, NULL, count_record, &count), 0);
	assert_int_equal(count, 1);
	fake_finish(*state, client);
}

static void stat_is_repeated(void **state)
{
	struct scene scene = {"STAT name=a", "OK name=a\n", NULL, 1};
	int count = 0;
	shmimg_client *client = fake_connect(*state, go_over_it, &scene);
	assert_int_equal(shmimg_stat(client, "a", NULL, count_record, &count), 0);
	assert_int_equal(count, 1);
	fake_finish(*state, client);
}

/* What was dropped before the answer could come is not there to be dropped again. */
static void drop_is_done_once(void **state)
{
	struct scene scene = {"DROP name=a", "ERR code=not-found message=none\n", NULL, 1};
	shmimg_client *client = fake_connect(*state, go_over_it, &scene);
	assert_int_equal(shmimg_drop(client, "a", NULL), 0);
	fake_finish(*state, client);
	scene.reply = "ERR code=no-permission message=none\n";
	client = fake_connect(*state, go_over_it, &scene);
	assert_int_equal(shmimg_drop(client, "a", NULL), -EACCES);
	fake_finish(*state, client);
}

/* One that was never asked for was not done. */
static void drop_of_nothing(void **state)
{
	struct scene scene = {"DROP name=a", "ERR code=not-found message=none\n", NULL, 1};
	shmimg_client *client = fake_connect(*state, go_before, &scene);
	struct pollfd poller = {.fd = shmimg_fd(client), .events = POLLIN};
	assert_int_equal(poll(&poller, 1, FAKE_TIMEOUT), 1);
	assert_int_equal(shmimg_drop(client, "a", NULL), -ENOENT);
	assert_string_equal(shmimg_code(client), "not-found");
	fake_finish(*state, client);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, fake_setup, fake_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(between_calls),
		TEST(over_the_request),
		TEST(over_the_request_twice),
		TEST(in_the_handshake),
		TEST(away_for_a_while),
		TEST(not_back_in_time),
		TEST(not_back_at_all),
		TEST(silent_in_the_handshake),
		TEST(turned_away),
		TEST(another_server),
		TEST(refused_and_ended),
		TEST(list_is_repeated),
		TEST(list_is_not_continued),
		TEST(stat_is_repeated),
		TEST(drop_is_done_once),
		TEST(drop_of_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
