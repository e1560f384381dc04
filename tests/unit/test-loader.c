/*
 * Tests of the loads under way: how a load is found, and in which order loads are published.
 * No decoder is started: the event loop does not run.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/engine/load-request.h"
#include "tests/unit/unit.h"
#include "tests/unit/world.h"

enum { OWNER = 4711, MANY = 1000 };

/* What to load: a name, a state of its file, and a batch. */
struct wanted_load {
	const char *name;
	uid_t owner;
	uint64_t state;
	uint64_t batch;
	enum format format;
	int share;
};

static void on_done(struct load_waiter *waiter, struct rendition *rendition, enum fault fault,
	const char *message)
{
	(void)rendition;
	(void)fault;
	fail_msg("a load of %s has ended: %s", waiter->load->name, message ? message : "well");
}

static int submit(struct world *world, const struct wanted_load *wanted, struct load_waiter *waiter)
{
	struct load_order order = {
		.name = wanted->name,
		.owner = wanted->owner ? wanted->owner : OWNER,
		.share = wanted->share - 1,
		.keep = -1,
		.format = wanted->format ? wanted->format : FORMAT_RGBA8,
		.batch = wanted->batch,
		.input = world_file("good"),
		.source = {.device = 1, .inode = wanted->state, .size = 100},
	};
	order.close_queue = close_queue_join(&world->engine.close_queues, order.owner);
	assert_non_null(order.close_queue);
	*waiter = (struct load_waiter){.uid = order.owner, .done = on_done};
	int r = load_request_submit(&world->engine.loader, &order, waiter);
	if (r < 0)
		close_queue_drop(order.close_queue, &order.input);
	close_queue_leave(order.close_queue);
	return r;
}

static void submit_all(struct world *world, const struct wanted_load *wanted, size_t count,
	struct load_waiter *waiters)
{
	for (size_t i = 0; i < count; i++)
		assert_int_equal(submit(world, &wanted[i], &waiters[i]), 0);
}

static void cancel_all(struct load_waiter *waiters, size_t count)
{
	for (size_t i = 0; i < count; i++)
		load_request_cancel(&waiters[i]);
}

static bool is_ready(const struct load_waiter *waiter)
{
	const struct job *job = &waiter->load->job;
	return job->events->ready(job);
}

static void test_found_by_order(void **state)
{
	static const struct wanted_load wanted[] = {
		{"a", OWNER, 1, 0, 0, 0}, {"a", OWNER, 1, 0, 0, 0}, /* joins the first */
		{"a", OWNER + 1, 1, 0, 0, 0}, {"b", OWNER, 1, 0, 0, 0}, {"a", OWNER, 2, 0, 0, 0},
		{"a", OWNER, 1, 0, FORMAT_GRAY8, 0}, {"a", OWNER, 1, 0, 0, SHARE_ALL + 1},
		{"a", OWNER, 2, 0, 0, 0}, /* joins the fifth */
	};
	struct load_waiter waiters[COUNT(wanted)];
	struct world world;
	(void)state;
	world_open(&world, NULL);
	submit_all(&world, wanted, COUNT(wanted), waiters);
	assert_int_equal(world.engine.loader.count, 6);
	assert_ptr_equal(waiters[0].load, waiters[1].load);
	assert_ptr_equal(waiters[4].load, waiters[7].load);
	static const size_t same_image[] = {0, 4, 5, 6};
	struct load *load = loader_first(&world.engine.loader, "a", OWNER);
	for (size_t i = 0; i < COUNT(same_image); i++) {
		assert_ptr_equal(load, waiters[same_image[i]].load);
		load = loader_next(load);
	}
	assert_null(load);
	assert_ptr_equal(loader_first(&world.engine.loader, "b", OWNER), waiters[3].load);
	assert_null(loader_next(waiters[3].load));
	assert_null(loader_first(&world.engine.loader, "b", OWNER + 1));
	assert_null(loader_first(&world.engine.loader, "", OWNER));
	cancel_all(waiters, COUNT(wanted));
	world_close(&world);
}

/* A load waits for the earlier loads of its image that have another state of the file. */
static void test_states_in_order(void **state)
{
	static const struct {
		struct wanted_load wanted;
		bool ready;
	} cases[] = {
		{{"a", OWNER, 1, 0, 0, 0}, true},
		{{"a", OWNER, 1, 0, FORMAT_GRAY8, 0}, true},
		{{"a", OWNER, 2, 0, 0, 0}, false},
		{{"a", OWNER, 1, 0, FORMAT_RGB8, 0}, false}, /* because of the third */
		{{"a", OWNER, 1, 0, 0, SHARE_ALL + 1}, false},
		{{"b", OWNER, 2, 0, 0, 0}, true},
		{{"a", OWNER + 1, 2, 0, 0, 0}, true},
	};
	struct load_waiter waiters[COUNT(cases)];
	struct world world;
	(void)state;
	world_open(&world, NULL);
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_int_equal(submit(&world, &cases[i].wanted, &waiters[i]), 0);
	for (size_t i = 0; i < COUNT(cases); i++) {
		if (is_ready(&waiters[i]) != cases[i].ready)
			fail_msg("load %zu is %sready", i + 1, cases[i].ready ? "not " : "");
	}
	load_request_cancel(&waiters[0]);
	load_request_cancel(&waiters[1]);
	assert_true(is_ready(&waiters[2]));
	assert_false(is_ready(&waiters[3]));
	load_request_cancel(&waiters[2]);
	assert_true(is_ready(&waiters[3]));
	assert_false(is_ready(&waiters[4]));
	cancel_all(waiters + 3, COUNT(cases) - 3);
	world_close(&world);
}

/* A batch has the place of its first load, and goes before what waits for that. */
static void test_batch_has_place_of_its_first(void **state)
{
	static const struct wanted_load wanted[] = {
		{"a", OWNER, 1, 7, 0, 0},
		{"a", OWNER, 2, 0, 0, 0},
		{"a", OWNER, 3, 7, FORMAT_GRAY8, 0}, /* its file has changed meanwhile */
		{"a", OWNER, 3, 8, FORMAT_RGB8, 0},
	};
	struct load_waiter waiters[COUNT(wanted)];
	struct world world;
	(void)state;
	world_open(&world, NULL);
	submit_all(&world, wanted, COUNT(wanted), waiters);
	assert_true(is_ready(&waiters[0]));
	assert_false(is_ready(&waiters[1]));
	assert_true(is_ready(&waiters[2]));
	assert_false(is_ready(&waiters[3]));
	load_request_cancel(&waiters[0]);
	assert_true(is_ready(&waiters[1]));
	assert_false(is_ready(&waiters[2]));
	cancel_all(waiters + 1, COUNT(wanted) - 1);
	world_close(&world);
}

/* A load that joins a batch later gives it the place of that load. */
static void test_batch_joined(void **state)
{
	static const struct wanted_load wanted[] = {
		{"a", OWNER, 1, 0, 0, 0},
		{"a", OWNER, 2, 0, 0, 0},
		{"a", OWNER, 1, 7, 0, 0}, /* joins the first */
		{"a", OWNER, 3, 7, FORMAT_GRAY8, 0},
	};
	struct load_waiter waiters[COUNT(wanted)];
	struct world world;
	(void)state;
	world_open(&world, NULL);
	submit_all(&world, wanted, COUNT(wanted), waiters);
	assert_ptr_equal(waiters[2].load, waiters[0].load);
	assert_true(is_ready(&waiters[3]));
	load_request_cancel(&waiters[2]); /* the load leaves the batch, and goes on */
	assert_int_equal(waiters[0].load->order.batch, 0);
	assert_false(is_ready(&waiters[3]));
	load_request_cancel(&waiters[0]);
	load_request_cancel(&waiters[1]);
	assert_true(is_ready(&waiters[3]));
	load_request_cancel(&waiters[3]);
	world_close(&world);
}

static void test_many(void **state)
{
	static struct load_waiter waiters[MANY];
	struct world world;
	char name[32];
	(void)state;
	world_open(&world, NULL);
	for (unsigned i = 0; i < MANY; i++) {
		struct wanted_load wanted = {.name = name, .state = i};
		snprintf(name, sizeof(name), "image %u", i * 7 % (MANY / 2));
		assert_int_equal(submit(&world, &wanted, &waiters[i]), 0);
	}
	for (unsigned i = 0; i < MANY; i++)
		assert_int_equal(is_ready(&waiters[i]), i < MANY / 2);
	cancel_all(waiters, MANY / 2);
	for (unsigned i = MANY / 2; i < MANY; i++)
		assert_true(is_ready(&waiters[i]));
	cancel_all(waiters + MANY / 2, MANY / 2);
	world_close(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_found_by_order),
		cmocka_unit_test(test_states_in_order),
		cmocka_unit_test(test_batch_has_place_of_its_first),
		cmocka_unit_test(test_batch_joined),
		cmocka_unit_test(test_many),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
