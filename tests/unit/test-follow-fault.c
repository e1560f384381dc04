/*
 * Tests of what becomes of followed files when an allocation or a system call fails: each of
 * them in turn, when following begins, goes on, and is taken over.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/engine/follow.h"
#include "daemon/segment/follow-record.h"
#include "tests/unit/fault.h"
#include "tests/unit/unit.h"
#include "tests/unit/world.h"

enum { CALLS_MAX = 200, WAIT_USEC = 20000000 };

struct place {
	char folder[32];
	char link[48]; /* to the folder */
	char path[48]; /* of the file, by way of the link */
};

/* Renames a file that tells the fake decoder what to do into place. */
static void put(const struct place *place)
{
	char made[48];
	snprintf(made, sizeof(made), "%s/new", place->folder);
	int fd = open(made, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_return_code(fd, errno);
	assert_int_equal(write(fd, "good", 4), 4);
	close(fd);
	assert_return_code(rename(made, place->path), errno);
}

static int set_up(void **state)
{
	static struct place place;
	strcpy(place.folder, "/tmp/shmimg-unit-XXXXXX");
	assert_non_null(mkdtemp(place.folder));
	snprintf(place.link, sizeof(place.link), "%s/link", place.folder);
	snprintf(place.path, sizeof(place.path), "%s/link/a", place.folder);
	assert_return_code(symlink(".", place.link), errno);
	put(&place);
	*state = &place;
	return 0;
}

static int tear_down(void **state)
{
	const struct place *place = *state;
	unlink(place->path);
	unlink(place->link);
	return rmdir(place->folder);
}

static struct image *image_of(struct world *world)
{
	return store_find(&world->engine.store, "a", geteuid());
}

static uint64_t generation_of(struct world *world)
{
	return image_current(image_of(world))->number;
}

static unsigned count_records(const struct world *world)
{
	return world_follow_records(world);
}

static void assert_nothing_followed(const struct world *world, unsigned n)
{
	const struct engine *engine = &world->engine;
	if (!TAILQ_EMPTY(&engine->follows.path_watches.all) ||
		!RB_EMPTY(&engine->follows.path_watches.entries) || count_records(world) != 0 ||
		accounts_used(&engine->accounts, geteuid(), RESOURCE_FOLLOWS) != 0)
		fail_msg("call %u, %s: something is still followed", n, fault_name());
}

static void rest(struct world *world)
{
	while (sd_event_run(world->event, 30000) > 0) {
	}
}

static struct session *begin(struct world *world, const struct place *place, const char *answer)
{
	char line[96];
	snprintf(line, sizeof(line), "LOAD name=a watch=yes pin=no path=%s", place->path);
	struct session *session = world_session(world, geteuid(), getegid());
	world_expect(world, session, line, -1, answer);
	return session;
}

/* Refused or not, it is followed just if the answer says so. */
static void test_begin(void **state)
{
	const struct place *place = *state;
	static struct answer answer;
	unsigned n = 0, refused = 0;
	char line[96];
	snprintf(line, sizeof(line), "LOAD name=a watch=yes path=%s", place->path);
	for (bool failed = true; failed && n < CALLS_MAX;) {
		struct world world;
		world_open(&world, FAKE_DECODER);
		struct session *session = world_session(&world, geteuid(), getegid());
		fault_arm(++n);
		if (world_call(session, &answer, line, -1) == OUTCOME_LATER)
			world_wait(&world, &answer);
		failed = fault_disarm();
		bool good = strncmp(answer.data, "OK name=a ", 10) == 0;
		if (!good && (!failed || strncmp(answer.data, "ERR code=", 9) != 0))
			fail_msg("call %u, %s: %s", n, fault_name(), answer.data);
		if (failed && strcmp(fault_name(), "inotify_add_watch") == 0)
			assert_non_null(strstr(answer.data, "max_user_watches"));
		refused += !good;
		session_close(session);
		rest(&world);
		if (!good)
			assert_nothing_followed(&world, n);
		else
			assert_int_equal(count_records(&world), 1);
		if (image_of(&world))
			image_drop(&world.engine.store, image_of(&world));
		assert_nothing_followed(&world, n);
		world_close(&world);
	}
	assert_in_range(refused, 25, CALLS_MAX);
}

/* What is in memory is not lost by a failure, and not followed either. */
static void test_begin_from_memory(void **state)
{
	const struct place *place = *state;
	static struct answer answer;
	struct world world;
	char line[96];
	world_open(&world, FAKE_DECODER);
	snprintf(line, sizeof(line), "LOAD name=a pin=no path=%s", place->path);
	struct session *session = world_session(&world, geteuid(), getegid());
	world_expect(&world, session, line, -1, "OK ");
	snprintf(line, sizeof(line), "LOAD name=a watch=yes pin=no fd=yes path=%s", place->path);
	unsigned n = 0, refused = 0;
	for (bool failed = true; failed && n < CALLS_MAX;) {
		fault_arm(++n);
		assert_int_equal(world_call(session, &answer, line, -1), OUTCOME_DONE);
		failed = fault_disarm();
		bool good = strncmp(answer.data, "OK name=a ", 10) == 0;
		refused += !good;
		assert_non_null(image_of(&world));
		assert_int_equal(image_of(&world)->follow != NULL, good);
		if (good)
			close(answer.reply.fd);
		follow_free(image_of(&world)->follow);
		assert_nothing_followed(&world, n);
	}
	assert_in_range(refused, 15, CALLS_MAX);
	session_close(session);
	world_close(&world);
}

/* Whatever fails while a new state is looked at, the next event brings the image up to date. */
static void test_renewal(void **state)
{
	const struct place *place = *state;
	unsigned n = 0;
	for (bool failed = true; failed && n < CALLS_MAX;) {
		struct world world;
		world_open(&world, FAKE_DECODER);
		struct session *session = begin(&world, place, "OK ");
		rest(&world);
		uint64_t before = generation_of(&world);
		put(place);
		fault_arm(++n);
		rest(&world);
		failed = fault_disarm();
		assert_int_equal(count_records(&world), 1);
		assert_int_equal(world.engine.loader.count, 0);
		uint64_t after = generation_of(&world);
		if (!failed)
			assert_int_equal(after, before + 1);
		put(place);
		while (generation_of(&world) == after)
			assert_true(sd_event_run(world.event, WAIT_USEC) > 0);
		rest(&world);
		image_drop(&world.engine.store, image_of(&world));
		assert_nothing_followed(&world, n);
		session_close(session);
		world_close(&world);
	}
	assert_in_range(n, 25, CALLS_MAX);
}

static void test_adoption(void **state)
{
	const struct place *place = *state;
	char file[FOLLOW_RECORD_NAME_SIZE];
	struct world world;
	world_open(&world, NULL);
	struct engine *engine = &world.engine;
	world_make(&world, &(struct recipe){"a", geteuid(), .state = 1});
	unsigned n = 0;
	for (bool failed = true; failed && n < CALLS_MAX;) {
		assert_int_equal(
			follow_record_write(engine->identity, geteuid(), "a", place->path, file),
			0);
		fault_arm(++n);
		int r = follows_adopt(&engine->follows);
		failed = fault_disarm();
		if (r < 0) { /* the folder could not be read: all is left for another try */
			assert_true(failed);
			assert_int_equal(count_records(&world), 1);
			r = follows_adopt(&engine->follows);
		}
		assert_int_equal(r, 0);
		assert_int_equal(count_records(&world), image_of(&world)->follow ? 1 : 0);
		assert_true(failed || image_of(&world)->follow);
		follow_free(image_of(&world)->follow);
		assert_nothing_followed(&world, n);
	}
	assert_in_range(n, 8, CALLS_MAX);
	world_close(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_begin, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_begin_from_memory, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_renewal, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_adoption, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
