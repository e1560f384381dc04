/*
 * Tests of what a decoder says: every message of job.h, whole and of a wrong size, in every
 * state that the daemon may have it in. What may not be said then ends the decoder.
 */
#include <stdio.h>
#include <string.h>

#include "tests/unit/unit.h"
#include "tests/unit/world.h"

/* When a decoder speaks: before all else, asked for a header, given a segment, and idle. */
enum { FIRST = 1, EARLY = 2, LATE = 4, AFTER = 8 };

static const struct {
	int state;
	const char *word;
} states[] = {{FIRST, "first"}, {EARLY, "early"}, {LATE, "late"}, {AFTER, "after"}};

/* Each message that there is, and in which states it may be said. */
static const struct {
	const char *word;
	int states;
} messages[] = {
	{"zero", 0},
	{"decode", 0},
	{"segment", 0},
	{"refuse", 0},
	{"free", 0},
	{"ready", FIRST},
	{"header", EARLY},
	{"done", LATE},
	{"failure", EARLY | LATE},
	{"next", 0},
	{"unknown", 0},
	{"last", 0},
	{"highest", 0},
	{"short", 0},
	{"empty", 0},
	{"long", 0},
};

/* Runs the loop until no decoder is left. */
static void await_end(struct world *world)
{
	while (world->engine.pool.count > 0)
		assert_true(sd_event_run(world->event, UINT64_C(20000000)) > 0);
}

/* Has a decoder send a packet in a state, and checks that it is killed unless this is allowed. */
static void check_packet(const char *state, const char *size, const char *message, bool allowed)
{
	static const char rejected[] = "ERR code=decoder-failed "
				       "message=the%20decoder%20sent%20an%20invalid%20packet%20";
	static struct answer answer;
	struct world world;
	char word[64];
	bool complete = strcmp(state, "after") == 0;
	struct session *session = world_begin(&world, FAKE_DECODER);
	const struct pool *pool = &world.engine.pool;
	snprintf(word, sizeof(word), "%s-%s%s", state, size, message);
	print_message("%s%s\n", word, allowed ? " is allowed" : "");
	world_call(session, &answer, "LOAD name=a source=fd", world_file(word));
	world_wait(&world, &answer);
	if (!allowed) {
		await_end(&world);
		assert_int_equal(strncmp(answer.data, "OK", 2) == 0, complete);
		/* An empty packet looks like the end of the channel. */
		bool vanished = strcmp(message, "empty") == 0;
		if (!complete)
			assert_non_null(strstr(
				answer.data, vanished ? "ERR code=decoder-failed " : rejected));
		assert_int_equal(pool->restarts, !complete);
	} else {
		pid_t pid = LIST_FIRST(&pool->workers)->pid;
		world_load(&world, session, "b", "good", "OK name=b ");
		assert_int_equal(LIST_FIRST(&pool->workers)->pid, pid);
		assert_int_equal(pool->restarts, 0);
	}
	world_load(&world, session, "c", "good", "OK name=c ");
	world_end(&world, session);
}

static void test_messages(void **state)
{
	static const char *const sizes[] = {"", "cut-", "padded-"};
	(void)state;
	for (size_t i = 0; i < COUNT(states); i++) {
		for (size_t k = 0; k < COUNT(messages); k++) {
			bool odd = strcmp(messages[k].word, "empty") == 0;
			for (size_t m = 0; m < (odd ? 1 : COUNT(sizes)); m++)
				check_packet(states[i].word, sizes[m], messages[k].word,
					m == 0 && messages[k].states & states[i].state);
		}
	}
}

/* A decoder's errors are of the few kinds that a file can be to blame for. */
static void test_faults(void **state)
{
	static const char *const speaking[] = {"early", "late"};
	(void)state;
	for (size_t i = 0; i < COUNT(speaking); i++) {
		for (int fault = 0; fault <= FAULT_COUNT; fault++) {
			char message[32];
			bool allowed = fault == FAULT_NOT_AN_IMAGE || fault == FAULT_TOO_LARGE ||
				       fault == FAULT_NO_SPACE || fault == FAULT_DECODER_FAILED;
			snprintf(message, sizeof(message), "fault-%d", fault);
			check_packet(speaking[i], "", message, allowed);
		}
		check_packet(speaking[i], "", "fault--1", false);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_messages),
		cmocka_unit_test(test_faults),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
