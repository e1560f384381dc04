/*
 * The daemon's reply about an image: every key must be there and in form, and a segment
 * that this process cannot open by name comes as a descriptor.
 */
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/unit/fake-image.h"

/* Puts text in place of " key=value" in the reply; "" takes the key away. */
static void edit(struct fixture *fixture, const char *key, const char *text)
{
	char search[32], rest[sizeof(fixture->reply)];
	segment_tell(&fixture->segment, fixture->reply, sizeof(fixture->reply));
	snprintf(search, sizeof(search), " %s=", key);
	char *found = strstr(fixture->reply, search);
	assert_non_null(found);
	const char *end = found + 1 + strcspn(found + 1, " \n");
	snprintf(rest, sizeof(rest), "%s", end);
	snprintf(found, sizeof(fixture->reply) - (size_t)(found - fixture->reply), "%s%s", text,
		rest);
}

/* Fetches with the edited reply and expects the end of the connection. */
static void refuse(struct fixture *fixture, const char *key)
{
	char message[128];
	shmimg_image *image;
	shmimg_client *client = fake_connect(&fixture->fake, fixture_answer, fixture);
	snprintf(message, sizeof(message), "the daemon's reply has no valid %s=", key);
	assert_int_equal(shmimg_fetch(client, "duck", NULL, &image), -EPROTO);
	assert_null(image);
	assert_string_equal(shmimg_message(client), message);
	assert_int_equal(shmimg_fetch(client, "duck", NULL, &image), -EPROTO);
	fake_finish(&fixture->fake, client);
}

static void every_key_must_be_there(void **state)
{
	static const char *const keys[] = {"name", "segment", "size", "offset", "width", "height",
		"stride", "format", "generation", "semaphore", "slot"};
	for (size_t i = 0; i < COUNT(keys); i++) {
		edit(*state, keys[i], "");
		refuse(*state, keys[i]);
	}
}

static void orientation_need_not(void **state)
{
	struct fixture *fixture = *state;
	shmimg_image *image;
	edit(fixture, "orientation", "");
	fake_finish(&fixture->fake, fixture_fetch(fixture, &image));
	shmimg_unref(image);
}

static void unknown_keys_do_no_harm(void **state)
{
	struct fixture *fixture = *state;
	shmimg_image *image;
	edit(fixture, "slot", " slot=12 colour=red");
	fake_finish(&fixture->fake, fixture_fetch(fixture, &image));
	shmimg_unref(image);
}

static void values_must_be_in_form(void **state)
{
	static const struct {
		const char *key;
		const char *text;
	} bad[] = {
		{"name", " name=dick"},
		{"name", " name="},
		{"segment", " segment=shmimg"},
		{"segment", " segment=/"},
		{"segment", " segment=/.."},
		{"segment", " segment=/a/b"},
		{"segment", " segment=/a%20b"},
		{"size", " size=-1"},
		{"size", " size=9223372036854775808"},
		{"offset", " offset=x"},
		{"width", " width=4294967296"},
		{"height", " height="},
		{"stride", " stride=1.5"},
		{"format", " format=native"},
		{"format", " format=odd"},
		{"generation", " generation=18446744073709551616"},
		{"semaphore", " semaphore=1"},
		{"semaphore", " semaphore=:1"},
		{"semaphore", " semaphore=1:"},
		{"semaphore", " semaphore=-1:0"},
		{"semaphore", " semaphore=1:65536"},
		{"semaphore", " semaphore=2147483648:0"},
		{"semaphore", " semaphore=00000000000000001:0"},
		{"slot", " slot=4294967296"},
		{"orientation", " orientation=9"},
	};
	for (size_t i = 0; i < COUNT(bad); i++) {
		edit(*state, bad[i].key, bad[i].text);
		refuse(*state, bad[i].key);
	}
}

static void segment_name_too_long(void **state)
{
	char text[300];
	snprintf(text, sizeof(text), " segment=/%0255d", 0);
	edit(*state, "segment", text);
	refuse(*state, "segment");
}

/* Sets the stage of a container: the name is not there, the descriptor comes instead. */
static void hide(struct fixture *fixture)
{
	edit(fixture, "segment", " segment=/shmimg-unit-nowhere");
	fixture->second = "FETCH name=duck format=RGBA8 fd=yes";
	snprintf(fixture->second_reply, sizeof(fixture->second_reply), "%s", fixture->reply);
	fixture->second_count = 1;
	fixture->second_fds[0] = shm_open(fixture->segment.name, O_RDONLY | O_CLOEXEC, 0);
	assert_return_code(fixture->second_fds[0], errno);
}

static void fetch_hidden(struct fake *fake, void *context)
{
	struct fixture *fixture = context;
	fake_handshake(fake);
	fake_hear(fake, fixture->request);
	fake_say(fake, fixture->reply);
	fake_hear(fake, fixture->second);
	fake_say_with(fake, fixture->second_reply, fixture->second_fds, fixture->second_count);
	fake_hear_end(fake);
}

static void descriptor_instead_of_a_name(void **state)
{
	struct fixture *fixture = *state;
	shmimg_image *image;
	hide(fixture);
	shmimg_client *client = fake_connect(&fixture->fake, fetch_hidden, fixture);
	assert_int_equal(shmimg_fetch(client, "duck", NULL, &image), 0);
	close(fixture->second_fds[0]);
	assert_int_equal(*(const unsigned char *)shmimg_pixels(image), 1);
	assert_string_equal(shmimg_segment(image), "/shmimg-unit-nowhere");
	shmimg_unref(image);
	fake_finish(&fixture->fake, client);
}

static void owner_and_format_are_asked_again(void **state)
{
	struct fixture *fixture = *state;
	struct shmimg_options options = SHMIMG_OPTIONS_INIT;
	shmimg_image *image;
	hide(fixture);
	fixture->request = "FETCH name=duck owner=4711 format=native";
	fixture->second = "FETCH name=duck owner=4711 format=RGBA8 fd=yes";
	options.owner = 4711;
	options.format = SHMIMG_NATIVE;
	shmimg_client *client = fake_connect(&fixture->fake, fetch_hidden, fixture);
	assert_int_equal(shmimg_fetch(client, "duck", &options, &image), 0);
	close(fixture->second_fds[0]);
	shmimg_unref(image);
	fake_finish(&fixture->fake, client);
}

static void no_descriptor_comes(void **state)
{
	struct fixture *fixture = *state;
	hide(fixture);
	close(fixture->second_fds[0]);
	fixture->second_count = 0;
	fixture_refuse(fixture, -EBADMSG, "the daemon did not send the segment's descriptor");
}

static void descriptor_is_refused(void **state)
{
	struct fixture *fixture = *state;
	hide(fixture);
	close(fixture->second_fds[0]);
	fixture->second_count = 0;
	snprintf(fixture->second_reply, sizeof(fixture->second_reply),
		"ERR code=not-found message=dropped%%20meanwhile\n");
	fixture_refuse(fixture, -ENOENT, "dropped meanwhile");
}

static void descriptor_is_no_segment(void **state)
{
	struct fixture *fixture = *state;
	int ends[2];
	hide(fixture);
	close(fixture->second_fds[0]);
	assert_int_equal(pipe(ends), 0);
	fixture->second_fds[0] = ends[0];
	fixture_refuse(fixture, -EBADMSG, "the segment is not shared memory");
	close(ends[0]);
	close(ends[1]);
}

static void newer_generation_comes(void **state)
{
	struct fixture *fixture = *state;
	shmimg_image *image;
	hide(fixture);
	fixture->segment.header.generation += 5;
	segment_write(&fixture->segment);
	segment_tell(&fixture->segment, fixture->second_reply, sizeof(fixture->second_reply));
	shmimg_client *client = fake_connect(&fixture->fake, fixture_answer_and_release, fixture);
	assert_int_equal(shmimg_fetch(client, "duck", NULL, &image), 0);
	close(fixture->second_fds[0]);
	assert_int_equal(shmimg_generation(image), fixture->segment.header.generation);
	shmimg_unref(image);
	fake_finish(&fixture->fake, client);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_key_must_be_there),
		TEST(orientation_need_not),
		TEST(unknown_keys_do_no_harm),
		TEST(values_must_be_in_form),
		TEST(segment_name_too_long),
		TEST(descriptor_instead_of_a_name),
		TEST(owner_and_format_are_asked_again),
		TEST(no_descriptor_comes),
		TEST(descriptor_is_refused),
		TEST(descriptor_is_no_segment),
		TEST(newer_generation_comes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
