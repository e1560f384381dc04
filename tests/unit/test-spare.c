/*
 * Tests of spares in the daemon: when a decoder gets one, which images use it, and that its memory
 * is freed however the decoder ends and whatever it sends.
 */
#include "daemon/decode/spare.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/protocol/fault.h"
#include "tests/unit/unit.h"
#include "tests/unit/world.h"

/* Of images as the fake decoder makes them by these words: with a page of header. */
enum {
	PAGE = 4096,
	LARGE = 1024 * 600 * 4 + PAGE,
	SMALLER = 1024 * 590 * 4 + PAGE,
	LARGER = 1024 * 640 * 4 + PAGE,
	GRAIN = 1 << 16,
};

static uint64_t spare_for(uint64_t size)
{
	return (size + GRAIN - 1) / GRAIN * GRAIN;
}

static struct session *begin(struct world *world)
{
	struct session *session = world_begin(world, FAKE_DECODER);
	world->options.max_pixels_per_byte = 1 << 20;
	world->options.spare_max = 1 << 23;
	return session;
}

/* Runs the loop until spares take so many bytes, or fails. */
static void await_bytes(const struct world *world, uint64_t bytes)
{
	while (world->engine.pool.spares.bytes != bytes)
		assert_true(sd_event_run(world->event, UINT64_C(20000000)) > 0);
}

/* Runs the loop until no decoder is due a spare. */
static void await_offers(const struct world *world)
{
	const struct worker *worker;
	bool due = true;
	while (due) {
		assert_true(sd_event_run(world->event, 0) >= 0);
		due = false;
		LIST_FOREACH (worker, &world->engine.pool.workers, link)
			due |= worker->state != WORKER_ENDING && worker->spare.due;
	}
}

/* Loads, and checks how many spares were used by then. */
static void load(struct world *world, struct session *session, const char *word, unsigned used)
{
	print_message("%s\n", word);
	world_expect(
		world, session, "LOAD source=fd name=a pin=no", world_file(word), "OK name=a ");
	assert_int_equal(world->engine.pool.spares.used, used);
	assert_int_equal(world->engine.store.reserved, 0);
}

static void drop(struct world *world, struct session *session)
{
	world_expect(world, session, "DROP name=a", -1, "OK\n");
}

/* The segment that was published under the name is as large as its image, to the byte. */
static void check_size(struct world *world, struct session *session, uint64_t size)
{
	struct stat status;
	static struct answer answer;
	world_call(session, &answer, "FETCH name=a fd=yes", -1);
	assert_true(answer.reply.fd >= 0);
	assert_return_code(fstat(answer.reply.fd, &status), errno);
	assert_int_equal(status.st_size, size);
	assert_int_equal(status.st_nlink, 1);
	close(answer.reply.fd);
	world_expect(world, session, "RELEASE name=a", -1, "OK\n");
}

static void test_used(void **state)
{
	struct world world;
	(void)state;
	struct session *session = begin(&world);
	for (unsigned i = 0; i < 4; i++) {
		load(&world, session, "large-good", i);
		check_size(&world, session, LARGE);
		drop(&world, session);
		await_bytes(&world, spare_for(LARGE));
	}
	assert_int_equal(world.engine.pool.restarts, 0);
	world_end(&world, session);
}

/* An image about as large as the last one uses the spare; another size gets a new spare. */
static void test_sizes(void **state)
{
	static const struct {
		const char *word;
		uint64_t size, spare;
		unsigned used;
	} cases[] = {
		{"large-good", LARGE, LARGE, 0},
		{"smaller-good", SMALLER, LARGE, 1},
		{"large-good", LARGE, LARGE, 2},
		{"good", 8 * 8 * 4 + PAGE, LARGE, 2},
		{"large-good", LARGE, LARGE, 3},
		{"larger-good", LARGER, LARGER, 3},
		{"large-good", LARGE, LARGER, 4},
		{"least-good", 1024 * 300 * 4 + PAGE, 1024 * 300 * 4 + PAGE, 4},
		{"large-good", LARGE, LARGE, 4},
	};
	struct world world;
	(void)state;
	struct session *session = begin(&world);
	for (size_t i = 0; i < COUNT(cases); i++) {
		load(&world, session, cases[i].word, cases[i].used);
		if (cases[i].size > 2 * PAGE)
			check_size(&world, session, cases[i].size);
		drop(&world, session);
		await_offers(&world);
		assert_int_equal(world.engine.pool.spares.bytes, spare_for(cases[i].spare));
	}
	world_end(&world, session);
}

/* There is no spare for small images, or above the limits. */
static void test_limits(void **state)
{
	static const struct {
		uint64_t most, memory;
		const char *word;
		uint64_t spare;
	} cases[] = {
		{0, 1 << 26, "large-good", 0},
		{LARGE, 1 << 26, "large-good", 0},
		{1 << 23, 4 * LARGE, "large-good", 0},
		{1 << 23, 1 << 26, "good", 0},
		{(LARGE + GRAIN - 1) / GRAIN * GRAIN, 1 << 26, "large-good", LARGE},
	};
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct world world;
		struct session *session = begin(&world);
		world.options.spare_max = cases[i].most;
		world.options.memory_max = cases[i].memory;
		for (unsigned k = 0; k < 2; k++) {
			load(&world, session, cases[i].word, cases[i].spare ? k : 0);
			drop(&world, session);
			await_offers(&world);
			assert_int_equal(world.engine.pool.spares.bytes, spare_for(cases[i].spare));
		}
		world_end(&world, session);
	}
}

/* The limit is for all decoders together, and no spare is used for another user. */
static void test_shared_limit(void **state)
{
	struct world world;
	(void)state;
	struct session *session = begin(&world);
	struct session *other = world_session(&world, 4711, 4711);
	world.options.decoders = 2;
	world.options.spare_max = spare_for(LARGE) * 2 - 1;
	load(&world, session, "large-good", 0);
	await_bytes(&world, spare_for(LARGE));
	load(&world, other, "large-good", 0);
	await_offers(&world);
	assert_int_equal(world.engine.pool.spares.bytes, spare_for(LARGE));
	drop(&world, session);
	load(&world, session, "large-good", 1);
	session_close(other);
	world_end(&world, session);
}

/* A lower limit removes existing spares. */
static void test_reload(void **state)
{
	struct world world;
	(void)state;
	struct session *session = begin(&world);
	load(&world, session, "large-good", 0);
	await_bytes(&world, spare_for(LARGE));
	engine_reload(&world.engine);
	assert_int_equal(world.engine.pool.spares.bytes, spare_for(LARGE));
	world.options.spare_max = 0;
	engine_reload(&world.engine);
	assert_true(pool_is_freeing(&world.engine.pool));
	await_bytes(&world, 0);
	assert_false(pool_is_freeing(&world.engine.pool));
	assert_int_equal(world.engine.pool.restarts, 0);
	drop(&world, session);
	load(&world, session, "large-good", 0);
	world_end(&world, session);
}

/* What a decoder may and may not do with a spare; LOAD works after each. */
static void test_ends(void **state)
{
	static const char *const words[] = {"large-spare-no-spare", "large-spare-exit",
		"large-spare-signal", "large-spare-done", "large-spare-cut-no-spare",
		"large-spare-keep-no-spare", "large-spare-flood-no-spare", "large-spare-flood"};
	(void)state;
	for (size_t i = 0; i < COUNT(words); i++) {
		struct world world;
		struct session *session = begin(&world);
		load(&world, session, words[i], 0);
		await_bytes(&world, spare_for(LARGE));
		await_bytes(&world, 0);
		/* A decoder that gave its spare back is not killed, unless it does so twice. */
		while (i > 0 && world.engine.pool.count > 0)
			assert_true(sd_event_run(world.event, UINT64_C(20000000)) > 0);
		assert_int_equal(world.engine.pool.count, i == 0);
		drop(&world, session);
		load(&world, session, "large-good", 0);
		await_bytes(&world, spare_for(LARGE));
		drop(&world, session);
		load(&world, session, "large-good", 1);
		world_end(&world, session);
	}
}

/* A decoder without a spare may not give one back. */
static void test_none_to_give_back(void **state)
{
	struct world world;
	(void)state;
	struct session *session = begin(&world);
	world_load(&world, session, "a", "early-no-spare", "ERR code=decoder-failed ");
	assert_int_equal(world.engine.pool.restarts, 1);
	world_end(&world, session);
}

/* A failed decode loses the spare, and a spare with holes is not published. */
static void test_failures(void **state)
{
	static const char *const words[] = {"large-holes", "large-late-done", "large-shrink",
		"large-grow", "large-late-error", "large-late-exit"};
	struct world world;
	unsigned used = 0;
	(void)state;
	struct session *session = begin(&world);
	for (size_t i = 0; i < COUNT(words); i++) {
		load(&world, session, "large-good", used);
		drop(&world, session);
		await_bytes(&world, spare_for(LARGE));
		world_load(&world, session, "b", words[i], "ERR code=");
		used++;
		assert_int_equal(world.engine.pool.spares.used, used);
		assert_int_equal(world.engine.store.bytes, 0);
		assert_int_equal(world_segments(&world), 0);
		await_offers(&world);
		used += world.engine.pool.spares.bytes > 0;
	}
	world_end(&world, session);
}

/* If /dev/shm is full, spares are freed first, also those of other users. */
static void test_no_space(void **state)
{
	char word[64];
	struct world world;
	(void)state;
	struct session *session = begin(&world);
	struct session *other = world_session(&world, 4711, 4711);
	world.options.decoders = 2;
	load(&world, session, "large-good", 0);
	await_bytes(&world, spare_for(LARGE));
	snprintf(word, sizeof(word), "late-fault-%d", FAULT_NO_SPACE);
	world_load(&world, other, "b", word, "ERR code=no-space ");
	assert_int_equal(world.engine.pool.spares.bytes, 0);
	/* The first time spares were enough; the second time an image was evicted. */
	assert_int_equal(world.engine.eviction.count, 1);
	assert_int_equal(world.engine.counters.decodes, 4);
	load(&world, session, "large-good", 0);
	session_close(other);
	world_end(&world, session);
}

/* A cancelled load ends its decoder and the spare that it did not use. */
static void test_cancelled(void **state)
{
	static struct answer answer;
	struct world world;
	(void)state;
	struct session *session = begin(&world);
	load(&world, session, "large-good", 0);
	await_bytes(&world, spare_for(LARGE));
	struct session *impatient = world_session(&world, geteuid(), getegid());
	assert_int_equal(
		world_call(impatient, &answer, "LOAD source=fd name=b", world_file("early-hang")),
		OUTCOME_LATER);
	while (LIST_FIRST(&world.engine.pool.workers)->state != WORKER_HEADER)
		assert_true(sd_event_run(world.event, UINT64_C(20000000)) > 0);
	session_close(impatient);
	await_bytes(&world, 0);
	world_end(&world, session);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_used),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_shared_limit),
		cmocka_unit_test(test_reload),
		cmocka_unit_test(test_ends),
		cmocka_unit_test(test_none_to_give_back),
		cmocka_unit_test(test_failures),
		cmocka_unit_test(test_no_space),
		cmocka_unit_test(test_cancelled),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
