/*
 * Letting go of pins, and asking for images, while the daemon goes and comes back.
 */
#include "tests/unit/unit.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/unit/fake-image.h"

enum { SHORT = 50 }; /* milliseconds */

/* Goes away after all was let go of. */
static void release_and_go(struct fake *fake, void *context)
{
	const struct fixture *fixture = context;
	fake_handshake(fake);
	for (int i = 0; i < 2; i++) {
		fake_hear(fake, fixture->request);
		fake_say(fake, fixture->reply);
	}
	fixture_hear_release(fake, fixture, 0);
	fake_say(fake, "OK\n");
	if (!fake_accept(fake))
		return;
	fake_handshake(fake);
	fixture_answer_stats(fake);
	fake_hear_end(fake);
}

static void released_before(void **state)
{
	struct fixture *fixture = *state;
	shmimg_image *first, *second;
	shmimg_client *client = fixture_fetch_by(fixture, release_and_go, &first);
	assert_int_equal(shmimg_fetch(client, "duck", NULL, &second), 0);
	assert_int_equal(shmimg_release(client, first), 0);
	fixture_ask(client);
	shmimg_unref(second);
	fixture_finish(fixture, client, first);
}

static void die_and_return(struct fake *fake, void *context)
{
	const struct fixture *fixture = context;
	fake_handshake(fake);
	fake_hear(fake, fixture->request);
	fake_say(fake, fixture->reply);
	fake_die(fake);
	poll(NULL, 0, 6 * SHORT);
	fake_listen(fake);
	if (!fake_accept(fake))
		return;
	fake_handshake(fake);
	fixture_answer_stats(fake);
	fake_hear_end(fake);
}

/* Letting go waits for no daemon: a pin goes with its connection. */
static void released_without_a_daemon(void **state)
{
	shmimg_image *image;
	shmimg_client *client = fixture_fetch_by(*state, die_and_return, &image);
	struct pollfd poller = {.fd = shmimg_fd(client), .events = POLLIN};
	assert_int_equal(poll(&poller, 1, FAKE_TIMEOUT), 1);
	int64_t start = unit_now();
	assert_int_equal(shmimg_release(client, image), 0);
	assert_in_range(unit_now() - start, 0, 5 * SHORT);
	assert_string_equal(shmimg_message(client), "");
	fixture_ask(client);
	fixture_finish(*state, client, image);
}

static void go_over_the_release(struct fake *fake, void *context)
{
	const struct fixture *fixture = context;
	fake_handshake(fake);
	fake_hear(fake, fixture->request);
	fake_say(fake, fixture->reply);
	fixture_hear_release(fake, fixture, 0);
	if (!fake_accept(fake))
		return;
	fake_handshake(fake);
	fixture_answer_stats(fake);
	fake_hear_end(fake);
}

static void gone_over_the_release(void **state)
{
	shmimg_image *image;
	shmimg_client *client = fixture_fetch_by(*state, go_over_the_release, &image);
	assert_int_equal(shmimg_release(client, image), 0);
	fixture_ask(client);
	fixture_finish(*state, client, image);
}

/* The first handle's pin is not given back when a second one cannot be made. */
static void give_then_lie(struct fake *fake, void *context)
{
	const struct fixture *fixture = context;
	fake_handshake(fake);
	for (int i = 0; i < 2; i++) {
		fake_hear(fake, fixture->request);
		fake_say(fake, i == 0 ? fixture->reply : fixture->second_reply);
	}
	fixture_answer_stats(fake);
	fake_hear_end(fake);
}

static void second_handle_fails(void **state)
{
	struct fixture *fixture = *state;
	shmimg_image *image, *second;
	fixture->segment.header.slot++;
	segment_tell(&fixture->segment, fixture->second_reply, sizeof(fixture->second_reply));
	shmimg_client *client = fixture_fetch_by(fixture, give_then_lie, &image);
	assert_int_equal(shmimg_fetch(client, "duck", NULL, &second), -EBADMSG);
	assert_null(second);
	fixture_ask(client);
	fixture_finish(fixture, client, image);
}

static void fetch_twice(struct fake *fake, void *context)
{
	const struct fixture *fixture = context;
	fake_handshake(fake);
	fake_hear(fake, fixture->request);
	if (!fake_accept(fake))
		return;
	fake_handshake(fake);
	fake_hear(fake, fixture->request);
	fake_say(fake, fixture->reply);
	fake_hear_end(fake);
}

static void fetch_is_repeated(void **state)
{
	shmimg_image *image;
	shmimg_client *client = fixture_fetch_by(*state, fetch_twice, &image);
	fixture_finish(*state, client, image);
}

/* The open file comes with each of them. */
static void load_twice(struct fake *fake, void *context)
{
	const struct fixture *fixture = context;
	for (int i = 0; i < 2; i++) {
		int fd;
		fake_handshake(fake);
		fake_hear_with(fake, "LOAD source=fd name=duck", &fd);
		if (fd < 0)
			return;
		close(fd);
		if (i == 0 && !fake_accept(fake))
			return;
	}
	fake_say(fake, fixture->reply);
	fake_hear_end(fake);
}

static void load_is_repeated(void **state)
{
	struct fixture *fixture = *state;
	char path[] = "/tmp/shmimg-unit-XXXXXX";
	shmimg_image *image;
	int fd = mkstemp(path);
	assert_return_code(fd, errno);
	unlink(path);
	shmimg_client *client = fake_connect(&fixture->fake, load_twice, fixture);
	assert_int_equal(shmimg_load_fd(client, fd, "duck", NULL, &image), 0);
	close(fd);
	fixture_finish(fixture, client, image);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(released_before),
		TEST(released_without_a_daemon),
		TEST(gone_over_the_release),
		TEST(second_handle_fails),
		TEST(fetch_is_repeated),
		TEST(load_is_repeated),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
