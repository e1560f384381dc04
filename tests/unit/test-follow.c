/*
 * Tests of followed files inside of the daemon: formats that come together, tries that fail
 * and are made again, and what is left when an image goes in the middle of it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/engine/follow.h"
#include "daemon/engine/load.h"
#include "daemon/segment/follow-record.h"
#include "tests/unit/unit.h"
#include "tests/unit/world.h"

#define WAIT_USEC UINT64_C(20000000)

struct fixture {
	struct world world;
	struct session *session;
	char folder[32];
	char path[48];
};

/* Renames a file that tells the fake decoder what to do into place. */
static void put(const struct fixture *fixture, const char *word)
{
	char made[48];
	snprintf(made, sizeof(made), "%s/new", fixture->folder);
	int fd = open(made, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_return_code(fd, errno);
	assert_int_equal(write(fd, word, strlen(word)), strlen(word));
	close(fd);
	assert_return_code(rename(made, fixture->path), errno);
}

static void ask(struct fixture *fixture, const char *verb, const char *more, const char *answer)
{
	char line[128];
	snprintf(line, sizeof(line), "%s name=a%s%s", verb, *more ? " " : "", more);
	world_expect(&fixture->world, fixture->session, line, -1, answer);
}

static void load(struct fixture *fixture, const char *more, const char *answer)
{
	char text[96];
	snprintf(text, sizeof(text), "path=%s %s", fixture->path, more);
	ask(fixture, "LOAD", text, answer);
}

static void begin_load(const struct fixture *fixture, struct session *session,
	struct answer *answer, const char *more)
{
	char line[96];
	snprintf(line, sizeof(line), "LOAD name=a path=%s%s", fixture->path, more);
	assert_int_equal(world_call(session, answer, line, -1), OUTCOME_LATER);
}

static struct image *image_of(struct fixture *fixture)
{
	return store_find(&fixture->world.engine.store, "a", geteuid());
}

static uint64_t generation_of(struct fixture *fixture)
{
	return image_current(image_of(fixture))->number;
}

static void turn(struct fixture *fixture)
{
	assert_true(sd_event_run(fixture->world.event, WAIT_USEC) > 0);
}

/* Lets the daemon go on until it has nothing more to do for a while. */
static void rest(struct fixture *fixture)
{
	while (sd_event_run(fixture->world.event, 30000) > 0) {
	}
}

static void wait_for_newer(struct fixture *fixture, uint64_t than)
{
	while (generation_of(fixture) <= than)
		turn(fixture);
}

static void begin(struct fixture *fixture)
{
	memset(fixture, 0, sizeof(*fixture));
	strcpy(fixture->folder, "/tmp/shmimg-unit-XXXXXX");
	assert_non_null(mkdtemp(fixture->folder));
	snprintf(fixture->path, sizeof(fixture->path), "%s/a", fixture->folder);
	world_open(&fixture->world, FAKE_DECODER);
	fixture->session = world_session(&fixture->world, geteuid(), getegid());
	put(fixture, "good");
	load(fixture, "watch=yes pin=no", "OK ");
	rest(fixture);
}

static void end(struct fixture *fixture)
{
	session_close(fixture->session);
	fixture->session = NULL;
	world_close(&fixture->world);
	unlink(fixture->path);
	assert_return_code(rmdir(fixture->folder), errno);
}

static unsigned count_records(const struct fixture *fixture)
{
	return world_follow_records(&fixture->world);
}

static void assert_nothing_followed(struct fixture *fixture)
{
	const struct engine *engine = &fixture->world.engine;
	assert_true(TAILQ_EMPTY(&engine->follows.path_watches.all));
	assert_true(RB_EMPTY(&engine->follows.path_watches.entries));
	assert_int_equal(accounts_used(&engine->accounts, geteuid(), RESOURCE_FOLLOWS), 0);
	assert_int_equal(engine->loader.count, 0);
	assert_int_equal(count_records(fixture), 0);
}

/* The first load that is decoded but waits for others. */
static struct load *find_ready(struct fixture *fixture)
{
	struct load *load = loader_first(&fixture->world.engine.loader, "a", geteuid());
	while (load && !load->ready)
		load = loader_next(load);
	return load;
}

/* Has two formats decoded of which the second does not come to an end. */
static void begin_two(struct fixture *fixture, const char *word)
{
	begin(fixture);
	load(fixture, "format=GRAY8 pin=no", "OK ");
	put(fixture, word);
	while (!find_ready(fixture))
		turn(fixture);
	assert_int_equal(fixture->world.engine.loader.count, 2);
}

static void test_follows(void **state)
{
	struct fixture fixture;
	(void)state;
	begin(&fixture);
	assert_int_equal(count_records(&fixture), 1);
	for (int i = 0; i < 3; i++) {
		uint64_t before = generation_of(&fixture);
		put(&fixture, "good");
		wait_for_newer(&fixture, before);
	}
	assert_int_equal(fixture.world.engine.counters.decodes, 4);
	ask(&fixture, "DROP", "", "OK");
	assert_nothing_followed(&fixture);
	end(&fixture);
}

/* One format fails, whether it is the first or the last: the other one comes. */
static void test_one_of_two_fails(void **state)
{
	struct fixture fixture;
	(void)state;
	for (unsigned decoders = 1; decoders <= 2; decoders++) {
		begin(&fixture);
		fixture.world.options.decoders = decoders;
		fixture.world.options.user_decoders = decoders;
		load(&fixture, "format=GRAY8 pin=no", "OK ");
		uint64_t before = generation_of(&fixture);
		put(&fixture, "rgba");
		wait_for_newer(&fixture, before);
		assert_int_equal(fixture.world.engine.loader.count, 0);
		ask(&fixture, "STAT", "format=GRAY8", "ERR code=not-found ");
		ask(&fixture, "STAT", "format=RGBA8", "OK ");
		end(&fixture);
	}
}

static void test_both_fail(void **state)
{
	struct fixture fixture;
	(void)state;
	begin(&fixture);
	load(&fixture, "format=GRAY8 pin=no", "OK ");
	uint64_t before = generation_of(&fixture), decodes = fixture.world.engine.counters.decodes;
	put(&fixture, "early-error");
	while (fixture.world.engine.counters.decodes < decodes + 2 ||
		fixture.world.engine.loader.count > 0)
		turn(&fixture);
	assert_int_equal(generation_of(&fixture), before);
	assert_int_equal(fixture.world.engine.store.rendition_count, 2);
	/* The same file is not tried again. */
	close(open(fixture.path, O_WRONLY | O_CLOEXEC));
	turn(&fixture); /* the event */
	turn(&fixture); /* the look at the file */
	rest(&fixture);
	assert_int_equal(fixture.world.engine.counters.decodes, decodes + 2);
	end(&fixture);
}

static void test_dropped_while_one_is_ready(void **state)
{
	struct fixture fixture;
	(void)state;
	begin_two(&fixture, "others-hang");
	/* No other was given out. */
	assert_int_equal(
		generation_of(&fixture) + 1, fixture.world.engine.board.header->next_generation);
	ask(&fixture, "DROP", "", "OK");
	assert_nothing_followed(&fixture);
	assert_int_equal(fixture.world.engine.store.bytes, 0);
	end(&fixture);
}

/* Somebody else waits for the format that is ready: they get it, though the image has gone. */
static void test_passenger_of_what_is_ready(void **state)
{
	static struct answer answer;
	struct fixture fixture;
	(void)state;
	begin_two(&fixture, "others-hang");
	struct session *other = world_session(&fixture.world, geteuid(), getegid());
	begin_load(&fixture, other, &answer, "");
	ask(&fixture, "DROP", "", "OK");
	assert_null(find_ready(&fixture));
	world_wait(&fixture.world, &answer);
	assert_memory_equal(answer.data, "OK name=a ", 10);
	session_close(other);
	assert_nothing_followed(&fixture);
	end(&fixture);
}

/* What is ready waits for what was asked for before, by whomever, and is published with it. */
static void test_joins_the_load_of_a_client(void **state)
{
	static struct answer answer;
	struct fixture fixture;
	(void)state;
	begin(&fixture);
	load(&fixture, "format=GRAY8 pin=no", "OK ");
	uint64_t before = generation_of(&fixture);
	put(&fixture, "good");
	begin_load(&fixture, fixture.session, &answer, " format=GRAY8 pin=no");
	uint64_t decodes = fixture.world.engine.counters.decodes;
	world_wait(&fixture.world, &answer);
	rest(&fixture);
	assert_int_equal(fixture.world.engine.counters.decodes, decodes + 1);
	assert_true(generation_of(&fixture) > before);
	assert_int_equal(fixture.world.engine.store.rendition_count, 2);
	end(&fixture);
}

/* Who was there before the follow ends it, by the answer to what both wait for. */
static void test_ended_from_within(void **state)
{
	static struct answer answer;
	struct fixture fixture;
	(void)state;
	begin(&fixture);
	put(&fixture, "good");
	begin_load(&fixture, fixture.session, &answer, " watch=no pin=no");
	while (!image_of(&fixture)->refreshing)
		turn(&fixture);
	world_wait(&fixture.world, &answer);
	assert_true(RB_EMPTY(&fixture.world.engine.pool.queue));
	assert_nothing_followed(&fixture);
	end(&fixture);
}

/* At a limit it waits a while, and what comes next is tried at once. */
static void test_limit_of_loads(void **state)
{
	struct fixture fixture;
	(void)state;
	begin(&fixture);
	load(&fixture, "format=GRAY8 pin=no", "OK ");
	uint64_t before = generation_of(&fixture), decodes = fixture.world.engine.counters.decodes;
	fixture.world.options.user_limits[RESOURCE_LOADS] = 1;
	put(&fixture, "good");
	rest(&fixture);
	assert_int_equal(generation_of(&fixture), before);
	assert_int_equal(fixture.world.engine.loader.count, 0);
	assert_int_equal(fixture.world.engine.counters.decodes, decodes + 1); /* and taken back */
	fixture.world.options.user_limits[RESOURCE_LOADS] = 2;
	int64_t begun = unit_now();
	wait_for_newer(&fixture, before);
	assert_in_range(unit_now() - begun, 500, 10000);
	end(&fixture);
}

/* A folder more on the way than is allowed: nothing is watched until there is room again. */
static void test_limit_of_folders_on_a_new_way(void **state)
{
	struct fixture fixture;
	char there[64], target[64];
	(void)state;
	begin(&fixture);
	snprintf(there, sizeof(there), "%s/there", fixture.folder);
	snprintf(target, sizeof(target), "%s/there/b", fixture.folder);
	assert_return_code(mkdir(there, 0700), errno);
	uint64_t before = generation_of(&fixture);
	uint64_t used = accounts_used(&fixture.world.engine.accounts, geteuid(), RESOURCE_FOLLOWS);
	fixture.world.options.user_limits[RESOURCE_FOLLOWS] = used;
	put(&fixture, "good");
	assert_return_code(rename(fixture.path, target), errno);
	assert_return_code(symlink("there/b", fixture.path), errno);
	while (accounts_used(&fixture.world.engine.accounts, geteuid(), RESOURCE_FOLLOWS) > 0)
		turn(&fixture);
	assert_int_equal(generation_of(&fixture), before);
	fixture.world.options.user_limits[RESOURCE_FOLLOWS] = 100;
	wait_for_newer(&fixture, before);
	assert_in_range(accounts_used(&fixture.world.engine.accounts, geteuid(), RESOURCE_FOLLOWS),
		used + 1, 100);
	ask(&fixture, "DROP", "", "OK");
	assert_nothing_followed(&fixture);
	unlink(target);
	assert_return_code(rmdir(there), errno);
	end(&fixture);
}

/* The client goes before its file is decoded: nobody follows it. */
static void test_client_goes(void **state)
{
	static struct answer answer;
	struct fixture fixture;
	(void)state;
	begin(&fixture);
	ask(&fixture, "DROP", "", "OK");
	struct session *other = world_session(&fixture.world, geteuid(), getegid());
	begin_load(&fixture, other, &answer, " watch=yes");
	assert_int_equal(count_records(&fixture), 1);
	rest(&fixture);
	session_close(other);
	assert_non_null(image_of(&fixture)); /* it was decoded by then */
	ask(&fixture, "DROP", "", "OK");
	other = world_session(&fixture.world, geteuid(), getegid());
	begin_load(&fixture, other, &answer, " watch=yes");
	put(&fixture, "good"); /* an event of what no image has yet */
	while (!fixture.world.engine.follows.path_watches.all.tqh_first->stale)
		turn(&fixture);
	session_close(other);
	assert_null(image_of(&fixture));
	assert_nothing_followed(&fixture);
	end(&fixture);
}

/* Notes as a daemon that was killed leaves them, of images that were taken over or not. */
static void test_adopted(void **state)
{
	struct fixture fixture;
	char file[FOLLOW_RECORD_NAME_SIZE];
	(void)state;
	begin(&fixture);
	struct engine *engine = &fixture.world.engine;
	follow_free(image_of(&fixture)->follow);
	static const char *const names[] = {"a", "a", "b"};
	for (size_t i = 0; i < COUNT(names); i++)
		assert_int_equal(follow_record_write(
					 engine->identity, geteuid(), names[i], fixture.path, file),
			0);
	assert_int_equal(count_records(&fixture), 3);
	assert_int_equal(follows_adopt(&engine->follows), 0);
	assert_int_equal(count_records(&fixture), 1);
	assert_true(follow_is_of(image_of(&fixture)->follow, fixture.path));
	uint64_t before = generation_of(&fixture);
	put(&fixture, "good");
	wait_for_newer(&fixture, before);
	/* More than this user may have watched now: it is told, and no longer followed. */
	follow_free(image_of(&fixture)->follow);
	assert_int_equal(
		follow_record_write(engine->identity, geteuid(), "a", fixture.path, file), 0);
	fixture.world.options.user_limits[RESOURCE_FOLLOWS] = 1;
	assert_int_equal(follows_adopt(&engine->follows), 0);
	assert_null(image_of(&fixture)->follow);
	assert_nothing_followed(&fixture);
	end(&fixture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_follows),
		cmocka_unit_test(test_one_of_two_fails),
		cmocka_unit_test(test_both_fail),
		cmocka_unit_test(test_dropped_while_one_is_ready),
		cmocka_unit_test(test_passenger_of_what_is_ready),
		cmocka_unit_test(test_joins_the_load_of_a_client),
		cmocka_unit_test(test_ended_from_within),
		cmocka_unit_test(test_limit_of_loads),
		cmocka_unit_test(test_limit_of_folders_on_a_new_way),
		cmocka_unit_test(test_client_goes),
		cmocka_unit_test(test_adopted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
