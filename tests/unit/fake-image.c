/*
 * A daemon with one image.
 */
#include "tests/unit/fake-image.h"

#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>

int fixture_setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	if (!fixture)
		return -1;
	*state = fixture;
	segment_make(&fixture->segment, "duck");
	fixture->request = "FETCH name=duck";
	segment_tell(&fixture->segment, fixture->reply, sizeof(fixture->reply));
	snprintf(fixture->release, sizeof(fixture->release),
		"RELEASE name=duck format=RGBA8 width=20 height=10 generation=%llu",
		(unsigned long long)fixture->segment.header.generation);
	fixture->release_reply = "OK\n";
	return 0;
}

int fixture_teardown(void **state)
{
	struct fixture *fixture = *state;
	fake_stop(&fixture->fake);
	segment_remove(&fixture->segment);
	free(fixture);
	return 0;
}

void fixture_answer(struct fake *fake, void *context)
{
	struct fixture *fixture = context;
	fake_handshake(fake);
	fake_hear(fake, fixture->request);
	fake_say(fake, fixture->reply);
	fake_hear_end(fake);
}

void fixture_answer_and_release(struct fake *fake, void *context)
{
	struct fixture *fixture = context;
	fake_handshake(fake);
	fake_hear(fake, fixture->request);
	fake_say(fake, fixture->reply);
	if (fixture->second) {
		fake_hear(fake, fixture->second);
		fake_say_with(
			fake, fixture->second_reply, fixture->second_fds, fixture->second_count);
	}
	fake_hear(fake, fixture->release);
	if (!fixture->release_reply)
		return;
	fake_say(fake, fixture->release_reply);
	fake_hear_end(fake);
}

shmimg_client *fixture_fetch(struct fixture *fixture, shmimg_image **image)
{
	shmimg_client *client = fake_connect(&fixture->fake, fixture_answer, fixture);
	int r = shmimg_fetch(client, "duck", NULL, image);
	if (r < 0)
		print_error("fetch: %s\n", shmimg_message(client));
	assert_int_equal(r, 0);
	return client;
}

void fixture_refuse(struct fixture *fixture, int error, const char *message)
{
	shmimg_image *image;
	shmimg_client *client = fake_connect(&fixture->fake, fixture_answer_and_release, fixture);
	assert_int_equal(shmimg_fetch(client, "duck", NULL, &image), error);
	assert_null(image);
	assert_string_equal(shmimg_message(client), message);
	fake_finish(&fixture->fake, client);
}

void fixture_answer_stats(struct fake *fake)
{
	fake_hear(fake, "STATS");
	fake_say(fake, "OK images=1\n");
}

void fixture_hear_release(struct fake *fake, const struct fixture *fixture, unsigned newer)
{
	char line[128];
	snprintf(line, sizeof(line),
		"RELEASE name=duck owner=4711 format=RGBA8 width=20 height=10 generation=%llu",
		(unsigned long long)fixture->segment.header.generation + newer);
	fake_hear(fake, line);
}

int fixture_count(const shmimg_record *record, void *count)
{
	(void)record;
	++*(int *)count;
	return 0;
}

void fixture_ask(shmimg_client *client)
{
	int count = 0;
	int r = shmimg_stats(client, fixture_count, &count);
	if (r < 0)
		print_error("stats: %s\n", shmimg_message(client));
	assert_int_equal(r, 0);
	assert_int_equal(count, 1);
}

shmimg_client *fixture_fetch_by(struct fixture *fixture, fake_script *script, shmimg_image **image)
{
	shmimg_client *client = fake_connect(&fixture->fake, script, fixture);
	assert_int_equal(shmimg_fetch(client, "duck", NULL, image), 0);
	return client;
}

void fixture_finish(struct fixture *fixture, shmimg_client *client, shmimg_image *image)
{
	assert_int_equal(*(const unsigned char *)shmimg_pixels(image), 1);
	shmimg_unref(image);
	fake_finish(&fixture->fake, client);
}
