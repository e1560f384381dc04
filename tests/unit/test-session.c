/*
 * Tests of what a session holds and waits for: which pins RELEASE lets go of, and which
 * requests wait for loads under way.
 */
#include <errno.h>
#include <grp.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/unit.h"
#include "tests/unit/world.h"

static struct answer answer;

/* RELEASE lets go of what its keys say and of nothing else. */
static void test_release(void **state)
{
	static const struct {
		const char *line;
		bool held[6];
		unsigned state; /* whose generation the line has, too; 0: none */
	} cases[] = {
		{"RELEASE name=a", {false, false, false, false, true, true}, 0},
		{"RELEASE name=a owner=any", {false, false, false, false, false, true}, 0},
		{"RELEASE name=b", {true, true, true, true, true, false}, 0},
		{"RELEASE name=a owner=3", {false, false, false, false, true, true}, 0},
		{"RELEASE name=a owner=1", {true, true, true, true, false, true}, 0},
		{"RELEASE name=a format=RGBA8", {false, true, false, true, true, true}, 0},
		{"RELEASE name=a owner=any format=RGBA8", {false, true, false, true, false, true},
			0},
		{"RELEASE name=a owner=any format=GRAY8", {true, false, true, false, true, true},
			0},
		{"RELEASE name=a", {false, false, true, true, true, true}, 1},
		{"RELEASE name=a", {true, true, false, false, true, true}, 2},
		{"RELEASE name=a owner=3 format=RGBA8", {true, true, false, true, true, true}, 2},
		{"RELEASE name=a owner=2", {true, true, true, true, true, true}, 0},
	};
	static const struct recipe pinned[] = {
		{"a", 3, 30, .state = 1},
		{"a", 3, 30, .state = 1, .format = FORMAT_GRAY8},
		{"a", 3, 30, .state = 2},
		{"a", 3, 30, .state = 2, .format = FORMAT_GRAY8},
		{"a", 1, 10, .share = SHARE_ALL, .state = 1},
		{"b", 3, 30, .state = 1},
	};
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct world world;
		struct pin own[COUNT(pinned)] = {0}; /* of the test: they keep the memory */
		unsigned held = 0, left = 0;
		char line[128];
		strcpy(line, cases[i].line);
		world_open(&world, NULL);
		struct session *session = world_session(&world, 3, 30);
		for (size_t k = 0; k < COUNT(pinned); k++) {
			struct rendition *rendition = world_make(&world, &pinned[k]);
			image_pin(&own[k], rendition);
			assert_int_equal(session_pin(session, rendition), 0);
			assert_int_equal(session_pin(session, rendition), 0); /* once */
			assert_int_equal(rendition->pin_count, 2);
			held += cases[i].held[k];
			if (k < 4 && cases[i].state == pinned[k].state)
				snprintf(line, sizeof(line), "%s generation=%" PRIu64,
					cases[i].line, rendition->generation->number);
		}
		world_call(session, &answer, line, -1);
		for (size_t k = 0; k < COUNT(pinned); k++) {
			left += own[k].rendition->pin_count - 1;
			assert_int_equal(own[k].rendition->pin_count, cases[i].held[k] ? 2 : 1);
			image_unpin(&own[k]);
		}
		assert_int_equal(left, held);
		assert_memory_equal(answer.data, held < COUNT(pinned) ? "OK" : "ER", 2);
		world_call(session, &answer, line, -1);
		assert_memory_equal(answer.data, "ERR code=not-found ", 19);
		world_end(&world, session);
	}
}

static void test_must_wait(void **state)
{
	static const struct {
		const char *line;
		bool waits;
	} cases[] = {
		{"LOAD name=b source=fd", false},
		{"LOAD name=a source=fd", true},
		{"LOAD path=/a", false},
		{"LOAD path=a", true},
		{"LOAD name=b path=a", false},
		{"LOAD", true},
		{"FETCH name=b", true},
		{"HELLO", true},
		{"STATS", true},
	};
	struct world world;
	(void)state;
	struct session *session = world_begin(&world, NULL);
	for (size_t i = 0; i < 2 * COUNT(cases); i++) {
		const char *culprit;
		struct wire_line parsed;
		struct request request;
		char text[64];
		bool busy = i >= COUNT(cases);
		strcpy(text, cases[i % COUNT(cases)].line);
		assert_null(wire_parse(text, strlen(text), &parsed));
		assert_int_equal(request_parse(&parsed, &request, &culprit), REQUEST_GOOD);
		if (i == COUNT(cases))
			assert_int_equal(world_call(session, &answer, "LOAD name=a source=fd",
						 world_file("a")),
				OUTCOME_LATER);
		assert_int_equal(dispatch_must_wait(session, &request),
			busy && cases[i % COUNT(cases)].waits);
	}
	world_end(&world, session);
}

static void test_too_many_loads(void **state)
{
	struct world world;
	(void)state;
	struct session *session = world_begin(&world, NULL);
	static struct answer answers[32];
	struct request request = {.command = COMMAND_LOAD, .values = {[KEY_NAME] = "x"}};
	for (int i = 0; i < 32; i++) {
		char line[64];
		assert_false(dispatch_must_wait(session, &request));
		snprintf(line, sizeof(line), "LOAD name=%d source=fd", i);
		world_call(session, &answers[i], line, world_file("a"));
	}
	assert_true(dispatch_must_wait(session, &request));
	world_end(&world, session);
}

/* Pins images a0, a1 ... of a user; all of one name where name is not NULL. */
static void pin_many(
	struct world *world, struct session *session, unsigned count, int keep, const char *name)
{
	for (unsigned i = 0; i < count; i++) {
		char own[16];
		snprintf(own, sizeof(own), "a%u", i);
		struct recipe recipe = {
			name ? name : own, 3, 30, .keep = keep, .state = name ? i + 1 : 0};
		assert_int_equal(session_pin(session, world_make(world, &recipe)), 0);
	}
}

/* The end of a session takes at most 64 steps in one call, and is charged until it is done. */
static void test_end_in_parts(void **state)
{
	static const struct {
		unsigned count;
		int keep;
		const char *name;
		unsigned calls;
	} cases[] = {
		{0, KEEP_CACHE, NULL, 1},
		{63, KEEP_CACHE, NULL, 1},
		{64, KEEP_CACHE, NULL, 1},
		{65, KEEP_CACHE, NULL, 2},
		{640, KEEP_CACHE, NULL, 10},
		/* Images that go with their last pin: 5 steps each. */
		{13, KEEP_ATTACHED, NULL, 1},
		{14, KEEP_ATTACHED, NULL, 2},
		{130, KEEP_ATTACHED, NULL, 10},
		/* So do the older generations of an image. */
		{130, KEEP_CACHE, "a", 10},
	};
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct world world;
		unsigned calls = 1;
		world_open(&world, NULL);
		struct session *session = world_session(&world, 3, 30);
		pin_many(&world, session, cases[i].count, cases[i].keep, cases[i].name);
		uint64_t left, before = cases[i].count;
		while (!session_end(session)) {
			left = accounts_used(&world.engine.accounts, 3, RESOURCE_PINS);
			assert_true(left > 0 && left < before && before - left <= 64);
			before = left;
			calls++;
		}
		assert_int_equal(calls, cases[i].calls);
		assert_int_equal(accounts_used(&world.engine.accounts, 3, RESOURCE_PINS), 0);
		assert_int_equal(world.engine.store.image_count, cases[i].keep == KEEP_ATTACHED ? 0
								 : cases[i].name		? 1
										 : cases[i].count);
		world_end(&world, session);
	}
}

/* What a session waits for is cancelled in parts too. */
static void test_cancel_in_parts(void **state)
{
	static struct answer answers[32];
	struct world world;
	(void)state;
	struct session *session = world_begin(&world, NULL);
	for (int i = 0; i < 32; i++) {
		char line[64];
		snprintf(line, sizeof(line), "LOAD name=%d source=fd", i);
		world_call(session, &answers[i], line, world_file("a"));
	}
	assert_false(session_end(session));
	assert_int_equal(accounts_used(&world.engine.accounts, getuid(), RESOURCE_LOADS), 16);
	assert_true(session_end(session));
	assert_int_equal(accounts_used(&world.engine.accounts, getuid(), RESOURCE_LOADS), 0);
	world_end(&world, session);
}

/* RELEASE walks over the pins of a name in parts, also over those that it does not release. */
static void test_release_in_parts(void **state)
{
	static char line[64];
	static const struct {
		const char *line, *begin;
		unsigned calls, left;
	} cases[] = {
		{"RELEASE name=a generation=1", "ERR code=not-found ", 4, 200},
		{line, "OK", 4, 199},
		{"RELEASE name=a", "OK", 16, 0},
		{"RELEASE name=a", "ERR code=not-found ", 1, 0},
	};
	struct world world;
	(void)state;
	world_open(&world, NULL);
	struct session *session = world_session(&world, 3, 30);
	pin_many(&world, session, 200, KEEP_CACHE, "a");
	const struct image *image = store_find(&world.engine.store, "a", 3);
	snprintf(line, sizeof(line), "RELEASE name=a generation=%" PRIu64,
		image_current(image)->number);
	for (size_t i = 0; i < COUNT(cases); i++) {
		unsigned calls = 1;
		while (world_call(session, &answer, cases[i].line, -1) == OUTCOME_MORE) {
			assert_int_equal(answer.reply.length, 0);
			calls++;
		}
		assert_int_equal(calls, cases[i].calls);
		assert_memory_equal(answer.data, cases[i].begin, strlen(cases[i].begin));
		assert_int_equal(
			accounts_used(&world.engine.accounts, 3, RESOURCE_PINS), cases[i].left);
	}
	world_end(&world, session);
}

/* Of a client in as many groups as count: each is found, and no other. */
static void test_groups(void **state)
{
	enum { GROUPS = CREDENTIALS_GROUPS_MAX, OWN_MAX = 65536 };
	static gid_t groups[GROUPS], own[OWN_MAX];
	struct credentials who;
	int sockets[2];
	(void)state;
	int count = getgroups(OWN_MAX, own);
	assert_return_code(count, errno);
	for (unsigned i = 0; i < GROUPS; i++)
		groups[i] = 3 + 2 * (GROUPS - i); /* the last one first */
	bool many = setgroups(GROUPS, groups) == 0;
	assert_return_code(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets), errno);
	assert_int_equal(credentials_read_user(&who, sockets[0]), 0);
	assert_int_equal(credentials_read_groups(&who, sockets[0]), 0);
	assert_int_equal(who.group_count, many ? GROUPS : count);
	const gid_t *expected = many ? groups : own;
	for (size_t i = 0; i < who.group_count; i++) {
		assert_true(share_permits(&who, who.uid + 1, SHARE_GROUP, expected[i]));
		assert_false(many && share_permits(&who, who.uid + 1, SHARE_GROUP, groups[i] + 1));
	}
	assert_true(share_permits(&who, who.uid + 1, SHARE_GROUP, who.gid));
	assert_false(share_permits(&who, who.uid + 1, SHARE_PRIVATE, who.gid));
	credentials_free(&who);
	if (many)
		assert_return_code(setgroups((size_t)count, own), errno);
	close(sockets[0]);
	close(sockets[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_groups),
		cmocka_unit_test(test_release),
		cmocka_unit_test(test_release_in_parts),
		cmocka_unit_test(test_end_in_parts),
		cmocka_unit_test(test_cancel_in_parts),
		cmocka_unit_test(test_must_wait),
		cmocka_unit_test(test_too_many_loads),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
