/*
 * Pins after a daemon has come back: those that are taken again, and those that are no more.
 */
#include "tests/unit/unit.h"

#include <errno.h>
#include <stdio.h>

#include "tests/unit/fake-image.h"

enum { SHORT = 50 }; /* milliseconds */

static const char again[] = "FETCH name=duck owner=4711 format=RGBA8 width=20 height=10";
static const char none[] = "ERR code=not-found message=none\n";

/* Is there again, and asked for the pin before anything else. */
static bool come_back(struct fake *fake)
{
	if (!fake_accept(fake))
		return false;
	fake_handshake(fake);
	fake_hear(fake, again);
	return true;
}

/* Greets and gives the fixture's image; then goes and comes back. */
static bool give_and_go(struct fake *fake, const struct fixture *fixture)
{
	fake_handshake(fake);
	fake_hear(fake, fixture->request);
	fake_say(fake, fixture->reply);
	return come_back(fake);
}

/* Gives the pin, and does what else is asked. */
static void give_again(struct fake *fake, const struct fixture *fixture)
{
	fake_say(fake, fixture->reply);
	fixture_answer_stats(fake);
	fake_hear_end(fake);
}

/* Does what is asked, then knows of no pin that is given back. */
static void give_back_none(struct fake *fake, const struct fixture *fixture)
{
	fixture_hear_release(fake, fixture, 0);
	fake_say(fake, none);
	fake_hear_end(fake);
}

/* A client that has fetched the image, and asked something of the daemon that came back. */
static shmimg_client *fetch_and_ask(void **state, fake_script *script, shmimg_image **image)
{
	shmimg_client *client = fixture_fetch_by(*state, script, image);
	fixture_ask(client);
	return client;
}

static void take_again(struct fake *fake, void *context)
{
	const struct fixture *fixture = context;
	if (!give_and_go(fake, fixture))
		return;
	fake_say(fake, fixture->reply);
	fixture_answer_stats(fake);
	fixture_hear_release(fake, fixture, 0);
	fake_say(fake, "OK\n");
	give_back_none(fake, fixture);
}

static void taken_again(void **state)
{
	shmimg_image *image;
	shmimg_client *client = fetch_and_ask(state, take_again, &image);
	assert_string_equal(shmimg_message(client), "");
	assert_int_equal(shmimg_release(client, image), 0);
	/* Nobody knows what went with the old daemon. */
	assert_int_equal(shmimg_release(client, image), 0);
	assert_string_equal(shmimg_message(client), "");
	fixture_finish(*state, client, image);
}

static void have_a_newer_one(struct fake *fake, void *context)
{
	struct fixture *fixture = context;
	char reply[sizeof(fixture->reply)];
	fixture->segment.header.generation++;
	segment_tell(&fixture->segment, reply, sizeof(reply));
	fixture->segment.header.generation--;
	if (!give_and_go(fake, fixture))
		return;
	fake_say(fake, reply);
	fixture_hear_release(fake, fixture, 1);
	fake_say(fake, "OK\n");
	fixture_answer_stats(fake);
	give_back_none(fake, fixture);
}

/* Nobody asked for a newer one. What is mapped stays. */
static void newer_generation(void **state)
{
	shmimg_image *image;
	shmimg_client *client = fetch_and_ask(state, have_a_newer_one, &image);
	assert_int_equal(shmimg_release(client, image), 0);
	fixture_finish(*state, client, image);
}

static void have_none(struct fake *fake, void *context)
{
	if (!give_and_go(fake, context))
		return;
	fake_say(fake, none);
	fixture_answer_stats(fake);
	fixture_answer_stats(fake);
	if (!fake_accept(fake))
		return;
	fake_handshake(fake);
	fixture_answer_stats(fake);
	fake_hear_end(fake);
}

/* A pin that is gone is not asked for by the next daemon again. */
static void no_such_image(void **state)
{
	shmimg_image *image;
	shmimg_client *client = fetch_and_ask(state, have_none, &image);
	assert_string_equal(shmimg_message(client), "");
	assert_string_equal(shmimg_code(client), "");
	fixture_ask(client);
	fixture_ask(client);
	fixture_finish(*state, client, image);
}

/* Goes away over the pin, and over what is given back. */
static void go_over_the_pin(struct fake *fake, void *context)
{
	if (!give_and_go(fake, context) || !come_back(fake))
		return;
	fake_say(fake, "OK name=du");
	if (come_back(fake))
		give_again(fake, context);
}

static void gone_over_the_pin(void **state)
{
	shmimg_image *image;
	shmimg_client *client = fetch_and_ask(state, go_over_the_pin, &image);
	fixture_finish(*state, client, image);
}

static void be_silent(struct fake *fake, void *context)
{
	if (!give_and_go(fake, context))
		return;
	fake_hear_end(fake);
	if (come_back(fake))
		give_again(fake, context);
}

static void silent_over_the_pin(void **state)
{
	shmimg_image *image;
	int count = 0;
	shmimg_client *client = fixture_fetch_by(*state, be_silent, &image);
	shmimg_set_timeout(client, SHORT);
	assert_int_equal(shmimg_stats(client, fixture_count, &count), -ETIMEDOUT);
	shmimg_set_timeout(client, FAKE_TIMEOUT);
	fixture_ask(client);
	fixture_finish(*state, client, image);
}

static void speak_rubbish(struct fake *fake, void *context)
{
	if (!give_and_go(fake, context))
		return;
	fake_say(fake, "OK name=duck\n");
	fake_hear_end(fake);
}

static void rubbish_over_the_pin(void **state)
{
	shmimg_image *image;
	int count = 0;
	shmimg_client *client = fixture_fetch_by(*state, speak_rubbish, &image);
	assert_int_equal(shmimg_stats(client, fixture_count, &count), -EPROTO);
	assert_int_equal(shmimg_release(client, image), -EPROTO);
	fixture_finish(*state, client, image);
}

/* Gives an older generation first; the next daemon has the newer one alone. */
static void give_two(struct fake *fake, void *context)
{
	struct fixture *fixture = context;
	fake_handshake(fake);
	fake_hear(fake, fixture->request);
	fake_say(fake, fixture->reply);
	fake_hear(fake, fixture->request);
	fake_say(fake, fixture->second_reply);
	if (!come_back(fake))
		return;
	fake_say(fake, fixture->second_reply);
	fake_hear(fake, again);
	fake_say(fake, fixture->second_reply);
	fixture_answer_stats(fake);
	fake_hear_end(fake);
}

/* What is found in place of the older one is ours as well, and stays pinned. */
static void two_generations(void **state)
{
	struct fixture *fixture = *state;
	shmimg_image *older, *newer;
	fixture->segment.header.generation++;
	segment_tell(&fixture->segment, fixture->second_reply, sizeof(fixture->second_reply));
	shmimg_client *client = fixture_fetch_by(fixture, give_two, &older);
	segment_write(&fixture->segment);
	assert_int_equal(shmimg_fetch(client, "duck", NULL, &newer), 0);
	assert_int_equal(shmimg_generation(newer), shmimg_generation(older) + 1);
	fixture_ask(client);
	shmimg_unref(older);
	fixture_finish(fixture, client, newer);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(taken_again),
		TEST(newer_generation),
		TEST(no_such_image),
		TEST(gone_over_the_pin),
		TEST(silent_over_the_pin),
		TEST(rubbish_over_the_pin),
		TEST(two_generations),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
