/*
 * Tests of the scheduler. A letter is a user, and a digit is one of their connections: first in the
 * order of queueing, then in the order of serving.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/socket/connection.h"
#include "daemon/socket/scheduler.h"
#include "tests/unit/unit.h"

enum { CONNECTIONS = 3, USERS = 3 };

struct crowd {
	struct scheduler scheduler;
	struct connection *connections[USERS][CONNECTIONS];
};

static void gather(struct crowd *crowd)
{
	scheduler_init(&crowd->scheduler);
	for (unsigned user = 0; user < USERS; user++) {
		for (unsigned i = 0; i < CONNECTIONS; i++) {
			struct connection *connection = calloc(1, sizeof(*connection));
			assert_non_null(connection);
			assert_int_equal(
				scheduler_add(&crowd->scheduler, connection, 1000 + user), 0);
			crowd->connections[user][i] = connection;
		}
	}
}

static void scatter(struct crowd *crowd)
{
	for (unsigned user = 0; user < USERS; user++) {
		for (unsigned i = 0; i < CONNECTIONS; i++) {
			scheduler_remove(&crowd->scheduler, crowd->connections[user][i]);
			free(crowd->connections[user][i]);
		}
	}
	assert_true(TAILQ_EMPTY(&crowd->scheduler.users));
	assert_true(scheduler_is_empty(&crowd->scheduler));
}

static struct connection *find(struct crowd *crowd, const char *name)
{
	return crowd->connections[name[0] - 'a'][name[1] - '1'];
}

static void expect_next(struct crowd *crowd, const char *name)
{
	assert_false(scheduler_is_empty(&crowd->scheduler));
	assert_ptr_equal(scheduler_dequeue(&crowd->scheduler), find(crowd, name));
}

static void test_order(void **state)
{
	static const struct {
		const char *come, *served; /* two letters each */
	} cases[] = {
		{"a1", "a1"},
		{"a1a2a3", "a1a2a3"},
		{"a3a1a2", "a3a1a2"},
		{"a1a1a1", "a1"}, /* one turn, however often it is asked for */
		{"a1b1c1", "a1b1c1"},
		{"a1a2a3b1", "a1b1a2a3"},
		{"a1a2a3b1b2c1", "a1b1c1a2b2a3"},
		{"c1a1a2b1c2", "c1a1b1c2a2"},
	};
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct crowd crowd;
		gather(&crowd);
		for (const char *name = cases[i].come; *name; name += 2)
			scheduler_enqueue(&crowd.scheduler, find(&crowd, name));
		for (const char *name = cases[i].served; *name; name += 2)
			expect_next(&crowd, name);
		assert_null(scheduler_dequeue(&crowd.scheduler));
		scatter(&crowd);
	}
}

/* A connection that is always queued is served once between two turns of another user. */
static void test_endless(void **state)
{
	struct crowd crowd;
	(void)state;
	gather(&crowd);
	for (unsigned i = 0; i < CONNECTIONS; i++)
		scheduler_enqueue(&crowd.scheduler, crowd.connections[0][i]);
	for (unsigned i = 0; i < 20; i++) {
		struct connection *busy = scheduler_dequeue(&crowd.scheduler);
		assert_ptr_equal(busy, crowd.connections[0][0]);
		scheduler_enqueue(&crowd.scheduler, busy);
		scheduler_enqueue(&crowd.scheduler, find(&crowd, "b1"));
		/* One more of the first, at most: it was first in the queue of users. */
		busy = scheduler_dequeue(&crowd.scheduler);
		assert_ptr_equal(busy, crowd.connections[0][1]);
		scheduler_enqueue(&crowd.scheduler, busy);
		expect_next(&crowd, "b1");
		busy = scheduler_dequeue(&crowd.scheduler);
		assert_ptr_equal(busy, crowd.connections[0][2]);
		scheduler_enqueue(&crowd.scheduler, busy);
	}
	scatter(&crowd);
}

/* A removed connection is not served, and blocks no other one. */
static void test_removal(void **state)
{
	struct crowd crowd;
	(void)state;
	gather(&crowd);
	scheduler_enqueue(&crowd.scheduler, find(&crowd, "a1"));
	scheduler_enqueue(&crowd.scheduler, find(&crowd, "b1"));
	scheduler_enqueue(&crowd.scheduler, find(&crowd, "b2"));
	scheduler_remove(&crowd.scheduler, find(&crowd, "a1"));
	scheduler_remove(&crowd.scheduler, find(&crowd, "b1"));
	expect_next(&crowd, "b2");
	assert_true(scheduler_is_empty(&crowd.scheduler));
	scatter(&crowd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_endless),
		cmocka_unit_test(test_removal),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
