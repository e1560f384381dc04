/*
 * Tests of what is left when an allocation or a system call fails: each of them in turn, in
 * publishing, pinning, loading and starting. Afterwards everything is as it was.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/unit/fault.h"
#include "tests/unit/sets.h"
#include "tests/unit/unit.h"
#include "tests/unit/world.h"

enum { CALLS_MAX = 1000 };

/* Whose accounts are looked at: all who do anything in these tests. */
static const uid_t users[] = {0, 5, 4711};

/* All that a failure must leave as it was. */
struct balance {
	uint64_t bytes, reserved, images, renditions, evictions, loads, sessions;
	uint64_t slots, sets, segments, descriptors, shown;
	uint64_t users, used[RESOURCE_COUNT];
};

static struct balance balance_of(struct world *world)
{
	world_settle(world);
	const struct engine *engine = &world->engine;
	struct balance balance = {
		.bytes = engine->store.bytes,
		.reserved = engine->store.reserved,
		.images = engine->store.image_count,
		.renditions = engine->store.rendition_count,
		.evictions = engine->eviction.count,
		.loads = engine->loader.count,
		.sessions = engine->counters.connections,
		.slots = engine->board.header->slots_used - engine->board.free_count,
		.sets = count_sets(engine->board.header),
		.segments = world_segments(world),
		.descriptors = world_descriptors(),
		.users = engine->accounts.count,
	};
	for (int i = 0; i < RESOURCE_COUNT; i++) {
		for (size_t k = 0; k < COUNT(users); k++)
			balance.used[i] +=
				accounts_used(&engine->accounts, users[k], (enum resource)i);
	}
	for (uint32_t i = 0; i < engine->board.header->slots_used; i++)
		balance.shown += engine->board.slots[i] * (i + 1);
	return balance;
}

static void assert_balance(struct world *world, const struct balance *before, unsigned n)
{
	struct balance after = balance_of(world);
	if (memcmp(&after, before, sizeof(after)) != 0)
		fail_msg("call %u, %s: a balance has changed: %d bytes, %d sets, %d slots, "
			 "%d segments, %d descriptors",
			n, fault_name(), (int)(after.bytes - before->bytes),
			(int)(after.sets - before->sets), (int)(after.slots - before->slots),
			(int)(after.segments - before->segments),
			(int)(after.descriptors - before->descriptors));
}

/* Publishes with each call failing in turn, until none is left to fail. */
static unsigned publish_at_last(struct world *world, const struct recipe *recipe)
{
	struct rendition *rendition;
	for (unsigned n = 1; n < CALLS_MAX; n++) {
		struct balance before = balance_of(world);
		fault_arm(n);
		int r = world_publish(world, recipe, &rendition);
		if (!fault_disarm()) {
			assert_int_equal(r, 0);
			return n - 1;
		}
		/* The set of a replaced image is removed without a look at it. */
		if (r == 0 && strcmp(fault_name(), "semctl") == 0)
			return n;
		if (r >= 0 || r < -4095)
			fail_msg("call %u, %s: %d", n, fault_name(), r);
		assert_balance(world, &before, n);
	}
	fail();
	return 0;
}

static void test_publish(void **state)
{
	static char long_name[4096];
	static const int shares[] = {SHARE_PRIVATE, SHARE_GROUP, SHARE_ALL};
	(void)state;
	memset(long_name, 'n', sizeof(long_name) - 1);
	for (size_t i = 0; i < COUNT(shares); i++) {
		struct world world;
		struct pin pins[3] = {0}; /* so that nothing old is freed */
		world_open(&world, NULL);
		struct store *store = &world.engine.store;
		struct recipe recipe = {
			long_name, 5, 50, .share = shares[i], .keep = KEEP_PINNED, .state = 1};
		/* At least a segment, image, slot, set of semaphores and name. */
		assert_in_range(publish_at_last(&world, &recipe), 12, CALLS_MAX);
		const struct image *image = store_find(store, long_name, 5);
		const struct generation *first = image_current(image);
		recipe.format = FORMAT_GRAY8;
		assert_in_range(publish_at_last(&world, &recipe), 6, CALLS_MAX);
		assert_ptr_equal(image_current(image), first);
		image_pin(&pins[0], generation_find(first, FORMAT_RGBA8, BOX_ANY));
		image_pin(&pins[1], generation_find(first, FORMAT_GRAY8, BOX_ANY));
		recipe.state = 2;
		assert_in_range(publish_at_last(&world, &recipe), 6, CALLS_MAX);
		assert_ptr_not_equal(image_current(image), first);
		image_pin(&pins[2], generation_find(image_current(image), FORMAT_GRAY8, BOX_ANY));
		recipe.share = recipe.share == SHARE_ALL ? SHARE_GROUP : SHARE_ALL;
		assert_in_range(publish_at_last(&world, &recipe), 12, CALLS_MAX);
		assert_ptr_not_equal(store_find(store, long_name, 5), image);
		for (size_t k = 0; k < COUNT(pins); k++)
			image_unpin(&pins[k]);
		assert_int_equal(store->image_count, 1);
		assert_int_equal(store->rendition_count, 1);
		world_close(&world);
	}
}

/* What cannot be followed to its end is in no counter, and goes all the same. */
static void test_drop_what_is_in_use(void **state)
{
	(void)state;
	for (unsigned n = 1;; n++) {
		struct world world;
		world_open(&world, NULL);
		const struct unlinked *unlinked = &world.engine.deferred_free.unlinked;
		struct rendition *rendition = world_make(&world, &(struct recipe){"a", .state = 1});
		int reader = segment_open(rendition->segment);
		fault_arm(n);
		image_drop(&world.engine.store, rendition->generation->image);
		bool failed = fault_disarm();
		assert_int_equal(unlinked->freed, 0);
		assert_in_range(unlinked->count, failed ? 0 : 1, 1);
		close(reader);
		while (unlinked->count > 0)
			assert_true(sd_event_run(world.event, 1000000) > 0);
		assert_int_equal(world_segments(&world), 0);
		world_close(&world);
		if (!failed) {
			assert_in_range(n, 4, CALLS_MAX);
			break;
		}
	}
}

/* Giving back cannot fail, whatever does. */
static void test_drop(void **state)
{
	(void)state;
	for (unsigned n = 1;; n++) {
		struct world world;
		world_open(&world, NULL);
		struct balance before = balance_of(&world);
		const struct recipe recipe = {"a", 5, 50, .share = SHARE_GROUP, .state = 1};
		struct image *image = world_make(&world, &recipe)->generation->image;
		fault_arm(n);
		image_drop(&world.engine.store, image);
		bool failed = fault_disarm();
		before.shown = balance_of(&world).shown;
		assert_balance(&world, &before, n);
		world_close(&world);
		if (!failed)
			break;
	}
}

static void test_pin(void **state)
{
	struct world world;
	(void)state;
	world_open(&world, NULL);
	struct rendition *rendition = world_make(&world, &(struct recipe){"a", .state = 1});
	struct session *session = world_session(&world, 0, 0);
	fault_arm(1);
	assert_int_equal(session_pin(session, rendition), -ENOMEM);
	assert_true(fault_disarm());
	assert_int_equal(rendition->pin_count, 0);
	assert_true(RB_EMPTY(&session->pins));
	fault_arm(1);
	world_expect(&world, session, "FETCH name=a", -1, "ERR code=busy ");
	assert_true(fault_disarm());
	fault_arm(2); /* when the descriptor is opened already */
	static struct answer answer;
	world_call(session, &answer, "FETCH name=a fd=yes", -1);
	assert_true(fault_disarm());
	assert_memory_equal(answer.data, "ERR code=busy ", 14);
	assert_int_equal(answer.reply.fd, -1);
	assert_int_equal(rendition->pin_count, 0);
	fault_arm(1);
	struct credentials who = {0};
	struct session *none = NULL;
	assert_int_equal(session_open(&none, &world.engine, &who), -ENOMEM);
	assert_true(fault_disarm());
	session_close(session);
	world_close(&world);
}

/* What is held already is fetched again without any call that could fail. */
static void test_fetch_again(void **state)
{
	struct world world;
	(void)state;
	world_open(&world, NULL);
	world_make(&world, &(struct recipe){"a", .state = 1});
	struct session *session = world_session(&world, 0, 0);
	world_expect(&world, session, "FETCH name=a", -1, "OK name=a ");
	fault_arm(1);
	world_expect(&world, session, "FETCH name=a", -1, "OK name=a ");
	assert_false(fault_disarm());
	session_close(session);
	world_close(&world);
}

/* A list without memory for its position or its pattern is refused, and the next one is not. */
static void test_list(void **state)
{
	static struct answer answer;
	struct world world;
	(void)state;
	world_open(&world, NULL);
	world_make(&world, &(struct recipe){"a", .state = 1});
	struct session *session = world_session(&world, 0, 0);
	unsigned failed = 0;
	bool fired = true;
	for (unsigned n = 1; fired; n++) {
		fault_arm(n);
		assert_int_equal(world_call(session, &answer, "LIST match=a", -1), OUTCOME_DONE);
		fired = fault_disarm();
		bool busy = strncmp(answer.data, "ERR code=busy ", 14) == 0;
		failed += busy;
		if (!busy)
			assert_memory_equal(answer.data, "ITEM name=a ", 12);
		assert_null(session->listing);
	}
	/* The listing, the pattern, and twice while it is compiled. */
	assert_int_equal(failed, 4);
	session_close(session);
	world_close(&world);
}

static void on_wake(void *context)
{
	(void)context;
}

/* A change that the log has no memory for is lost, and with it those that were not read. */
static void test_watch(void **state)
{
	static const char overflow[] = "EVENT type=overflow\n";
	char events[WIRE_LINE_MAX];
	struct world world;
	(void)state;
	world_open(&world, NULL);
	struct session *session = world_session(&world, 0, 0);
	dispatch_on_event(session, on_wake, NULL);
	/* The compiler, its rows, the pattern, the position and the log. */
	for (unsigned n = 1; n <= 5; n++) {
		fault_arm(n);
		world_expect(
			&world, session, "WATCH match=[a-c] initial=yes", -1, "ERR code=busy ");
		assert_true(fault_disarm());
		assert_false(dispatch_has_watch(session));
	}
	world_expect(&world, session, "WATCH match=[a-c]", -1, "OK\n");
	struct rendition *rendition = world_make(&world, &(struct recipe){"a", .state = 1});
	struct store *store = &world.engine.store;
	fault_arm(1);
	observers_notify_published(&store->observers, rendition->generation->image, CHANGE_CHANGED,
		&(struct view){1, SHARE_ALL, 0});
	assert_true(fault_disarm());
	world_make(&world, &(struct recipe){"b", .state = 1});
	dispatch_begin_turn(session);
	size_t length = dispatch_take_events(session, events, sizeof(events));
	assert_in_range(length, sizeof(overflow), sizeof(events));
	assert_memory_equal(events, overflow, sizeof(overflow) - 1);
	assert_memory_equal(events + sizeof(overflow) - 1, "EVENT type=loaded name=b ", 25);
	assert_false(dispatch_is_behind(session));
	session_close(session);
	world_close(&world);
}

static void test_join(void **state)
{
	static struct answer answers[2];
	struct world world;
	(void)state;
	world_open(&world, NULL);
	struct balance before = balance_of(&world);
	unsigned n = 0;
	for (bool failed = true; failed;) {
		struct session *session = world_session(&world, 0, 0);
		fault_arm(++n);
		enum outcome outcome = world_call(
			session, &answers[0], "LOAD name=a source=fd", world_file("good"));
		failed = fault_disarm();
		assert_int_equal(world.engine.loader.count, failed ? 0 : 1);
		if (failed) {
			assert_memory_equal(answers[0].data, "ERR code=", 9);
			assert_true(outcome == OUTCOME_DONE || answers[0].reply.completed);
			assert_true(TAILQ_EMPTY(&session->pending));
		}
		session_close(session);
		assert_balance(&world, &before, n);
	}
	assert_in_range(n, 4, CALLS_MAX); /* the identity, load and flight */
	world_close(&world);
}

/* A whole LOAD, with a decoder: any answer may come, but one does, and nothing stays. */
static void test_load(void **state)
{
	static struct answer answer;
	unsigned n = 0, refused = 0;
	(void)state;
	for (bool failed = true; failed && n < CALLS_MAX;) {
		struct world world;
		world_open(&world, FAKE_DECODER);
		struct balance before = balance_of(&world);
		struct session *session = world_session(&world, 4711, 4711);
		int fd = world_file("good");
		fault_arm(++n);
		if (world_call(session, &answer, "LOAD name=a source=fd share=group fd=yes", fd) ==
			OUTCOME_LATER)
			world_wait(&world, &answer);
		failed = fault_disarm();
		bool good = strncmp(answer.data, "OK name=a ", 10) == 0;
		if (!good && (!failed || strncmp(answer.data, "ERR code=", 9) != 0))
			fail_msg("call %u, %s: %s", n, fault_name(), answer.data);
		refused += !good;
		assert_int_equal(answer.reply.fd >= 0, good);
		if (good)
			close(answer.reply.fd);
		const struct store *store = &world.engine.store;
		/* What was published stays, also when this client could not be handed it. */
		uint64_t count = store->image_count;
		assert_in_range(count, good, 1);
		assert_int_equal(store->rendition_count, count);
		assert_int_equal(store->bytes > 0, count);
		assert_int_equal(world_segments(&world), count);
		assert_int_equal(world.engine.loader.count, 0);
		session_close(session);
		if (count)
			image_drop(&world.engine.store, store_next(&world.engine.store, NULL, 0));
		/* The decoder and the releaser stay, with their channels and events. */
		struct balance after = balance_of(&world);
		before.descriptors = after.descriptors;
		before.shown = after.shown;
		assert_balance(&world, &before, n);
		world_close(&world);
	}
	assert_in_range(refused, 25, CALLS_MAX);
}

/* A spare that cannot be made is none, and the next LOAD goes without. */
static void test_spare(void **state)
{
	unsigned n = 0;
	(void)state;
	for (bool failed = true; failed && n < CALLS_MAX;) {
		struct world world;
		world_open(&world, FAKE_DECODER);
		world.options.max_pixels_per_byte = 1 << 20;
		world.options.spare_max = 1 << 23;
		const struct spares *spares = &world.engine.pool.spares;
		struct session *session = world_session(&world, 4711, 4711);
		world_load(&world, session, "a", "large-good", "OK name=a ");
		world_settle(&world);
		const struct worker *worker = LIST_FIRST(&world.engine.pool.workers);
		fault_arm(++n);
		while (worker->spare.due)
			assert_true(sd_event_run(world.event, UINT64_MAX) > 0);
		failed = fault_disarm();
		assert_int_equal(spares->bytes > 0, !failed);
		world_load(&world, session, "b", "large-good", "OK name=b ");
		assert_int_equal(spares->used, !failed);
		world_end(&world, session);
	}
	assert_in_range(n, 3, CALLS_MAX); /* made, sized, sent */
}

static void test_start(void **state)
{
	static const struct options options = {
		.decoders = 1, .user_decoders = 1, .memory_max = 1 << 20};
	struct world world;
	(void)state;
	world_open(&world, NULL); /* for its identity and events alone */
	for (unsigned n = 1;; n++) {
		struct engine engine;
		struct world other = {.engine.board.header = NULL};
		snprintf(other.identity.id, sizeof(other.identity.id), "%015x%u",
			(unsigned)getpid(), n % 10);
		unsigned descriptors = world_descriptors();
		fault_arm(n);
		int r = engine_start(&engine, world.event, &options, &other.identity, "/nowhere");
		bool failed = fault_disarm();
		if (!failed) {
			assert_int_equal(r, 0);
			engine_stop(&engine);
			assert_in_range(n, 6, CALLS_MAX);
		}
		if ((failed && r >= 0) || world_segments(&other) != 0)
			fail_msg("call %u, %s: %d, %u files are left", n, fault_name(), r,
				world_segments(&other));
		assert_int_equal(world_descriptors(), descriptors);
		if (!failed)
			break;
	}
	world_close(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_publish),
		cmocka_unit_test(test_drop),
		cmocka_unit_test(test_drop_what_is_in_use),
		cmocka_unit_test(test_pin),
		cmocka_unit_test(test_fetch_again),
		cmocka_unit_test(test_list),
		cmocka_unit_test(test_watch),
		cmocka_unit_test(test_join),
		cmocka_unit_test(test_load),
		cmocka_unit_test(test_spare),
		cmocka_unit_test(test_start),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
