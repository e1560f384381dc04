/*
 * What is left of the library's calls when an allocation or a system call fails: each of them
 * in turn. Afterwards the client is good, no descriptor is left, and no pin that nobody knows.
 */
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/unit/fake-image.h"
#include "tests/unit/fault.h"

enum { CALLS_MAX = 200 };

/* A test: what is done before, what fails in the middle, and how many pins there are then. */
struct trial {
	struct fixture *fixture;
	const char *path; /* of a file to load */
	shmimg_client *client;
	shmimg_image *image; /* that was there before */
	shmimg_image *other; /* that came of the call */
	int (*call)(struct trial *trial);
	unsigned pins_before;
	unsigned pins_after; /* when the call worked */
	unsigned calls_min;  /* that can fail */
};

/* Whether the daemon answers by id. */
static bool with_ids;

static bool begins(const char *line, const char *word)
{
	return strncmp(line, word, strlen(word)) == 0;
}

/* Says lines, with the id of the request if it has one. */
static void say(
	struct fake *fake, const char *request, const char *lines, const int *fds, size_t count)
{
	char text[16384] = "";
	const char *id = strstr(request, " id=");
	for (const char *at = lines; *at;) {
		size_t verb = strcspn(at, " \n");
		size_t rest = strcspn(at, "\n") + 1;
		size_t length = strlen(text);
		snprintf(text + length, sizeof(text) - length, "%.*s%s%.*s", (int)verb, at,
			id ? id : "", (int)(rest - verb), at + verb);
		at += rest;
	}
	fake_say_with(fake, text, fds, count);
}

/* Answers one request of a daemon with one image; returns false when it shall go away. */
static bool answer(struct fake *fake, const struct trial *trial, const char *line, bool *pinned)
{
	const struct fixture *fixture = trial->fixture;
	char text[64];
	snprintf(text, sizeof(text), "OK images=%d\n", *pinned);
	if (begins(line, "HELLO")) {
		fake_say(fake, with_ids ? "OK protocol=1 version=9 uid=0 features=id,quiet,cancel\n"
					: "OK protocol=1 version=9 uid=0\n");
	} else if (begins(line, "FETCH") || begins(line, "LOAD")) {
		*pinned = true;
		say(fake, line, fixture->reply, fixture->second_fds,
			strstr(line, "fd=yes") ? 1 : 0);
	} else if (begins(line, "RELEASE")) {
		if (!*pinned || !strstr(line, "quiet=ok"))
			say(fake, line, *pinned ? "OK\n" : "ERR code=not-found message=none\n",
				NULL, 0);
		*pinned = false;
	} else if (begins(line, "LIST")) {
		say(fake, line, "ITEM name=a\nITEM name=b\nOK count=2\n", NULL, 0);
	} else {
		say(fake, line, begins(line, "STATS") ? text : "OK\n", NULL, 0);
	}
	return !begins(line, "DROP");
}

/* "DROP name=away" ends a connection, "DROP name=end" the daemon. */
static void play(struct fake *fake, void *context)
{
	char line[FAKE_LINE_MAX] = "";
	do {
		bool pinned = false, stays = true;
		int fd;
		while (stays && fake_read(fake, line, &fd)) {
			if (fd >= 0)
				close(fd);
			stays = answer(fake, context, line, &pinned);
		}
	} while (!begins(line, "DROP name=end") && fake_accept(fake));
}

static int take_count(const shmimg_record *record, void *context)
{
	const char *images = shmimg_record_get(record, "images");
	*(unsigned *)context += images ? (unsigned)atoi(images) : 1;
	return 0;
}

static int fetch(struct trial *trial)
{
	return shmimg_fetch(trial->client, "duck", NULL, &trial->other);
}

static int load(struct trial *trial)
{
	return shmimg_load(trial->client, trial->path, "duck", NULL, &trial->other);
}

static int let_go(struct trial *trial)
{
	return shmimg_release(trial->client, trial->image);
}

static int list(struct trial *trial)
{
	unsigned count = 0;
	int r = shmimg_list(trial->client, NULL, take_count, &count);
	assert_int_equal(count, r < 0 ? count : 2);
	return r;
}

static int stats(struct trial *trial)
{
	unsigned count = 0;
	return shmimg_stats(trial->client, take_count, &count);
}

/* The daemon goes away first, so that the call has to connect. */
static void send_away(struct trial *trial)
{
	assert_int_equal(shmimg_drop(trial->client, "away", NULL), 0);
	struct pollfd poller = {.fd = shmimg_fd(trial->client), .events = POLLIN};
	assert_int_equal(poll(&poller, 1, FAKE_TIMEOUT), 1);
}

static unsigned open_descriptors(void)
{
	unsigned count = 0;
	for (int fd = 0; fd < 1024; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

/* The client must be good, and the daemon have as many pins as it should. */
static void check(const struct trial *trial, int r, unsigned n)
{
	unsigned pins = 0;
	int asked = shmimg_stats(trial->client, take_count, &pins);
	if (asked < 0)
		fail_msg("call %u, %s: %d, and then %d: %s", n, fault_name(), r, asked,
			shmimg_message(trial->client));
	unsigned wanted = r < 0 ? trial->pins_before : trial->pins_after;
	if (pins != wanted)
		fail_msg("call %u, %s: %d, and %u pins", n, fault_name(), r, pins);
}

/* One call that fails in the n-th place. Returns whether there was one. */
static bool run_once(struct trial *trial, bool away, unsigned n)
{
	trial->client = fake_connect(&trial->fixture->fake, play, trial);
	trial->image = trial->other = NULL;
	if (trial->pins_before)
		assert_int_equal(shmimg_fetch(trial->client, "duck", NULL, &trial->image), 0);
	if (away)
		send_away(trial);
	fault_arm(n);
	int r = trial->call(trial);
	bool failed = fault_disarm();
	if (r < -4095 || r > 0 || (r < 0 && !failed) || r == -EPROTO)
		fail_msg("call %u, %s: %d: %s", n, fault_name(), r, shmimg_message(trial->client));
	if (r < 0 && (!*shmimg_message(trial->client) || *shmimg_code(trial->client)))
		fail_msg("call %u, %s: no message, or the daemon's", n, fault_name());
	assert_int_equal(
		trial->other != NULL, r == 0 && (trial->call == fetch || trial->call == load));
	check(trial, r, n);
	assert_int_equal(shmimg_drop(trial->client, "end", NULL), 0);
	fake_finish(&trial->fixture->fake, trial->client);
	if (trial->other)
		assert_int_equal(*(const unsigned char *)shmimg_pixels(trial->other), 1);
	shmimg_unref(trial->other);
	shmimg_unref(trial->image);
	return failed;
}

static void run(struct trial *trial, bool away)
{
	unsigned before = open_descriptors();
	unsigned n = 1;
	while (n < CALLS_MAX && run_once(trial, away, n)) {
		assert_int_equal(open_descriptors(), before);
		n++;
	}
	assert_in_range(n, trial->calls_min, CALLS_MAX - 1);
}

/* A pin that one handle has is there still when a second one cannot be made. */
static void test_fetch(void **state)
{
	for (unsigned pins = 0; pins < 2; pins++) {
		struct trial trial = {
			.fixture = *state,
			.call = fetch,
			.pins_before = pins,
			.pins_after = 1,
			.calls_min = 8,
		};
		run(&trial, false);
		run(&trial, true);
	}
}

static void test_fetch_descriptor(void **state)
{
	struct fixture *fixture = *state;
	int fd = shm_open(fixture->segment.name, O_RDONLY | O_CLOEXEC, 0);
	assert_return_code(fd, errno);
	char *name = strstr(fixture->reply, fixture->segment.name);
	assert_non_null(name);
	memset(name + 1, 'x', strlen(fixture->segment.name) - 1);
	fixture->second_fds[0] = fd;
	struct trial trial = {
		.fixture = fixture,
		.call = fetch,
		.pins_after = 1,
		.calls_min = 10,
	};
	run(&trial, false);
	close(fd);
}

static void test_load(void **state)
{
	char path[] = "/tmp/shmimg-unit-XXXXXX";
	int fd = mkstemp(path);
	assert_return_code(fd, errno);
	close(fd);
	struct trial trial = {
		.fixture = *state,
		.path = path,
		.call = load,
		.pins_after = 1,
		.calls_min = 10,
	};
	run(&trial, false);
	run(&trial, true);
	unlink(path);
}

static void test_ask(void **state)
{
	struct trial trial = {
		.fixture = *state,
		.call = list,
		.pins_before = 1,
		.pins_after = 1,
		.calls_min = 3,
	};
	run(&trial, false);
	run(&trial, true);
	trial.call = stats;
	run(&trial, false);
	trial.calls_min = 10; /* socket, connect, handshake, pin, request */
	run(&trial, true);
}

/* Whatever fails, a pin that was let go of stays known or is no more. */
static void test_release(void **state)
{
	struct fixture *fixture = *state;
	for (int away = 0; away < 2; away++) {
		struct trial trial = {
			.fixture = fixture,
			.call = let_go,
			.pins_before = 1,
			.calls_min = 2,
		};
		for (unsigned n = 1; n < CALLS_MAX; n++) {
			unsigned pins = 0;
			trial.client = fake_connect(&fixture->fake, play, &trial);
			assert_int_equal(shmimg_fetch(trial.client, "duck", NULL, &trial.image), 0);
			if (away)
				send_away(&trial);
			fault_arm(n);
			int r = let_go(&trial);
			bool failed = fault_disarm();
			assert_true(r == 0 || (failed && r < 0));
			assert_int_equal(shmimg_stats(trial.client, take_count, &pins), 0);
			assert_in_range(pins, 0, r < 0);
			if (r < 0)
				assert_int_equal(let_go(&trial), 0);
			pins = 0;
			assert_int_equal(shmimg_stats(trial.client, take_count, &pins), 0);
			assert_int_equal(pins, 0);
			assert_int_equal(shmimg_drop(trial.client, "end", NULL), 0);
			fake_finish(&fixture->fake, trial.client);
			shmimg_unref(trial.image);
			if (!failed) {
				assert_in_range(n, 2, CALLS_MAX);
				break;
			}
		}
	}
}

static void test_connect(void **state)
{
	struct fixture *fixture = *state;
	struct trial trial = {.fixture = fixture};
	unsigned before = open_descriptors();
	bool failed = true;
	unsigned n = 0;
	while (failed) {
		shmimg_client *client;
		fake_start(&fixture->fake, play, &trial);
		fault_arm(++n);
		int r = shmimg_connect(&client, fixture->fake.path, FAKE_TIMEOUT);
		failed = fault_disarm();
		if (r < 0) {
			assert_true(failed);
			assert_in_range(-r, 1, 4095);
			assert_null(client);
			assert_int_equal(
				shmimg_connect(&client, fixture->fake.path, FAKE_TIMEOUT), 0);
		}
		assert_int_equal(shmimg_drop(client, "end", NULL), 0);
		fake_finish(&fixture->fake, client);
		assert_int_equal(open_descriptors(), before);
	}
	assert_in_range(n, 7, CALLS_MAX);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, fixture_setup, fixture_teardown)

static int begin_ids(void **state)
{
	(void)state;
	with_ids = true;
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_connect),
		TEST(test_fetch),
		TEST(test_fetch_descriptor),
		TEST(test_load),
		TEST(test_ask),
		TEST(test_release),
	};
	int failed = cmocka_run_group_tests_name("in order", tests, NULL, NULL);
	return failed + cmocka_run_group_tests_name("by id", tests, begin_ids, NULL);
}
