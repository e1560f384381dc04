/*
 * Tests of what a session holds and waits for: which pins RELEASE lets go of, and which
 * requests wait for loads under way.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

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
		{"RELEASE name=a owner=any format=RGBA8", {false, true, false, true, false, true}, 0},
		{"RELEASE name=a owner=any format=GRAY8", {true, false, true, false, true, true}, 0},
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_release),
		cmocka_unit_test(test_must_wait),
		cmocka_unit_test(test_too_many_loads),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
