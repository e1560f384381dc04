/*
 * Tests of whose turn it is: letters are users, figures their connections, in the order that
 * they came and in the order that they are served.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/socket/connection.h"
#include "daemon/socket/scheduler.h"
#include "tests/unit/unit.h"

enum { CONNECTIONS = 3, USERS = 3 };

struct crowd {
	struct turns turns;
	struct connection *connections[USERS][CONNECTIONS];
};

static void gather(struct crowd *crowd)
{
	turns_init(&crowd->turns);
	for (unsigned user = 0; user < USERS; user++) {
		for (unsigned i = 0; i < CONNECTIONS; i++) {
			struct connection *connection = calloc(1, sizeof(*connection));
			assert_non_null(connection);
			assert_int_equal(turns_join(&crowd->turns, connection, 1000 + user), 0);
			crowd->connections[user][i] = connection;
		}
	}
}

static void scatter(struct crowd *crowd)
{
	for (unsigned user = 0; user < USERS; user++) {
		for (unsigned i = 0; i < CONNECTIONS; i++) {
			turns_leave(&crowd->turns, crowd->connections[user][i]);
			free(crowd->connections[user][i]);
		}
	}
	assert_true(TAILQ_EMPTY(&crowd->turns.users));
	assert_false(turns_wanted(&crowd->turns));
}

static struct connection *find(struct crowd *crowd, const char *name)
{
	return crowd->connections[name[0] - 'a'][name[1] - '1'];
}

static void expect_next(struct crowd *crowd, const char *name)
{
	assert_true(turns_wanted(&crowd->turns));
	assert_ptr_equal(turns_next(&crowd->turns), find(crowd, name));
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
			turns_want(&crowd.turns, find(&crowd, name));
		for (const char *name = cases[i].served; *name; name += 2)
			expect_next(&crowd, name);
		assert_null(turns_next(&crowd.turns));
		scatter(&crowd);
	}
}

/* Whoever always has more to do is served once between any two turns of another's. */
static void test_endless(void **state)
{
	struct crowd crowd;
	(void)state;
	gather(&crowd);
	for (unsigned i = 0; i < CONNECTIONS; i++)
		turns_want(&crowd.turns, crowd.connections[0][i]);
	for (unsigned i = 0; i < 20; i++) {
		struct connection *busy = turns_next(&crowd.turns);
		assert_ptr_equal(busy, crowd.connections[0][0]);
		turns_want(&crowd.turns, busy);
		turns_want(&crowd.turns, find(&crowd, "b1"));
		/* One more of the first, at most: it was first in the queue of users. */
		busy = turns_next(&crowd.turns);
		assert_ptr_equal(busy, crowd.connections[0][1]);
		turns_want(&crowd.turns, busy);
		expect_next(&crowd, "b1");
		busy = turns_next(&crowd.turns);
		assert_ptr_equal(busy, crowd.connections[0][2]);
		turns_want(&crowd.turns, busy);
	}
	scatter(&crowd);
}

/* Who leaves is not served, and keeps nobody from being served. */
static void test_leaving(void **state)
{
	struct crowd crowd;
	(void)state;
	gather(&crowd);
	turns_want(&crowd.turns, find(&crowd, "a1"));
	turns_want(&crowd.turns, find(&crowd, "b1"));
	turns_want(&crowd.turns, find(&crowd, "b2"));
	turns_leave(&crowd.turns, find(&crowd, "a1"));
	turns_leave(&crowd.turns, find(&crowd, "b1"));
	expect_next(&crowd, "b2");
	assert_false(turns_wanted(&crowd.turns));
	scatter(&crowd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_endless),
		cmocka_unit_test(test_leaving),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
