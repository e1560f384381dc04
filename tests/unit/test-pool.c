/*
 * Tests of the queue for a decoder: in which order users are served, however many loads each
 * of them has.
 */
#include <string.h>

#include "tests/unit/unit.h"
#include "tests/unit/world.h"

enum { LOADS_MAX = 16 };

struct waiting {
	struct answer answer;
	struct session *session;
	bool counted;
};

/* The user of the answer that comes next: of the one that is complete and was not before. */
static char next_answered(struct world *world, struct waiting *waiting, const char *users)
{
	for (;;) {
		for (size_t i = 0; users[i]; i++) {
			if (!waiting[i].answer.reply.completed || waiting[i].counted)
				continue;
			waiting[i].counted = true;
			assert_non_null(strstr(waiting[i].answer.data, "cached=no"));
			return users[i];
		}
		assert_true(sd_event_run(world->event, UINT64_MAX) > 0);
	}
}

/* Each letter is a load of a user's, first in the order they come, then as they are served. */
static void test_turns(void **state)
{
	static const struct {
		const char *come, *served;
	} cases[] = {
		{"aaaa", "aaaa"},
		{"aaaaaaab", "abaaaaaa"},
		{"aaaabbbb", "abababab"},
		{"bbbbaaaa", "abababab"},
		{"aaaaabbc", "abcabaaa"},
		{"cccaab", "abcacc"},
	};
	static struct waiting waiting[LOADS_MAX];
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct world world;
		const char *come = cases[i].come;
		struct session *own = world_begin(&world, FAKE_DECODER);
		memset(waiting, 0, sizeof(waiting));
		for (size_t k = 0; come[k]; k++) {
			char line[] = "LOAD source=fd name=?";
			line[sizeof(line) - 2] = (char)('A' + k);
			waiting[k].session = world_session(&world, (uid_t)come[k], 1);
			assert_int_equal(world_call(waiting[k].session, &waiting[k].answer, line,
						 world_file("good")),
				OUTCOME_LATER);
		}
		for (const char *c = cases[i].served; *c; c++)
			assert_int_equal(next_answered(&world, waiting, come), *c);
		for (size_t k = 0; come[k]; k++)
			session_close(waiting[k].session);
		world_end(&world, own);
	}
}

/* Who comes while another is served is next, and nobody is served twice before all others. */
static void test_latecomer(void **state)
{
	static struct waiting waiting[LOADS_MAX];
	struct world world;
	(void)state;
	struct session *own = world_begin(&world, FAKE_DECODER);
	struct session *many = world_session(&world, 7, 7), *few = world_session(&world, 3, 3);
	memset(waiting, 0, sizeof(waiting));
	for (int k = 0; k < 6; k++) {
		char line[] = "LOAD source=fd name=?";
		line[sizeof(line) - 2] = (char)('A' + k);
		world_call(many, &waiting[k].answer, line, world_file("good"));
	}
	assert_int_equal(next_answered(&world, waiting, "mmmmmmf"), 'm');
	for (int k = 0; k < 2; k++) {
		/* One after the other: still the first user has a turn between them. */
		memset(&waiting[6], 0, sizeof(waiting[6]));
		world_call(few, &waiting[6].answer,
			k ? "LOAD source=fd name=y" : "LOAD source=fd name=x", world_file("good"));
		unsigned others = 0;
		while (next_answered(&world, waiting, "mmmmmmf") != 'f')
			others++;
		assert_in_range(others, k, 1); /* what was running, and one turn at most */
	}
	session_close(many);
	session_close(few);
	world_end(&world, own);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_turns),
		cmocka_unit_test(test_latecomer),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
