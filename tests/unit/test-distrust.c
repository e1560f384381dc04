/*
 * Tests of loads with a decoder that breaks the rules of job.h: only the LOAD of that decoder
 * fails, and nothing stays reserved or open.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/unit/unit.h"
#include "tests/unit/world.h"

/* Each word breaks a rule; restarts: how many decoders are lost. */
static const struct {
	const char *word;
	unsigned restarts;
} broken[] = {
	{"early-exit", 1},
	{"early-signal", 1},
	{"early-descriptor", 1},
	{"early-header", 0},
	{"early-flood", 1},
	{"early-flood-no-spare", 1},
	{"early-huge", 1},
	{"late-exit", 1},
	{"late-signal", 1},
	{"late-descriptor", 1},
	{"late-flood-no-spare", 1},
	{"late-huge", 1},
	{"late-done", 0}, /* the segment is not filled */
	{"keep-descriptor", 1},
	{"keep-mapping", 1},
	{"keep-reading", 1},
	{"keep-message", 1},
	{"keep-error", 1},
	{"holes", 0},
	{"shrink", 0},
	{"grow", 1},
	{"grow-reserve", 1},
	{"grow-write", 1},
	{"width-none", 0},
	{"height-none", 0},
	{"width-other", 0},
	{"height-more", 0},
	{"full-width-none", 0},
	{"full-height-none", 0},
	{"full-width-less", 0},
	{"full-height-huge", 0},
	{"format-none", 0},
	{"format-other", 0},
	{"format-unknown", 0},
	{"format-huge", 0},
	{"native-none", 0},
	{"native-unknown", 0},
	{"colour-unknown", 0},
	{"orientation-none", 0},
	{"orientation-unknown", 0},
	{"blocks-many", 0},
	{"blocks-huge", 0},
	{"block-large", 0},
	{"block-huge", 0},
	{"block-sum", 0},
	{"type", 0},
};

static void test_broken(void **state)
{
	struct world world;
	(void)state;
	struct session *session = world_begin(&world, FAKE_DECODER);
	const struct engine *engine = &world.engine;
	world_load(&world, session, "kept", "good", "OK name=kept ");
	uint64_t bytes = engine->store.bytes;
	for (size_t i = 0; i < COUNT(broken); i++) {
		uint64_t restarts = engine->pool.restarts;
		print_message("%s\n", broken[i].word);
		world_load(
			&world, session, "a", broken[i].word, "ERR code=decoder-failed message=");
		assert_int_equal(engine->store.bytes, bytes);
		assert_int_equal(engine->loader.count, 0);
		assert_int_equal(engine->pool.restarts - restarts, broken[i].restarts);
		assert_int_equal(world_segments(&world), 1);
		world_load(&world, session, "a", "good", "OK name=a ");
		world_expect(&world, session, "RELEASE name=a", -1, "OK\n");
		world_expect(&world, session, "DROP name=a", -1, "OK\n");
	}
	world_expect(&world, session, "FETCH name=kept", -1, "OK name=kept ");
	world_end(&world, session);
}

/* A decoder sends JOB_READY before all other packets, and once. */
static void test_not_ready(void **state)
{
	static const char *const words[] = {
		"first-nothing", "first-exit", "first-signal", "first-error", "twice"};
	struct world world;
	(void)state;
	struct session *session = world_begin(&world, FAKE_DECODER);
	const struct engine *engine = &world.engine;
	for (size_t i = 0; i < COUNT(words); i++) {
		print_message("%s\n", words[i]);
		world_load(&world, session, "a", words[i], "ERR code=decoder-failed message=");
		assert_int_equal(engine->pool.restarts, i + 1);
		assert_int_equal(engine->store.bytes, 0);
		assert_int_equal(engine->pool.started, i + 1 == COUNT(words));
	}
	world_load(&world, session, "a", "good", "OK name=a ");
	world_end(&world, session);
}

/* STATS reports the sandbox that the decoder has reported. */
static void test_sandbox_is_reported(void **state)
{
	static struct answer answer;
	struct world world;
	(void)state;
	struct session *session = world_begin(&world, FAKE_DECODER);
	world_call(session, &answer, "STATS", -1);
	assert_non_null(strstr(answer.data, " sandbox=unknown "));
	world_load(&world, session, "a", "good", "OK name=a ");
	world_call(session, &answer, "STATS", -1);
	assert_non_null(strstr(answer.data, " sandbox=seccomp,rlimits "));
	world_end(&world, session);
}

/*
 * A decoder that sends packets while no job is under way. Its load is done already; it is killed at
 * the first packet that is not due, and the daemon receives one packet in each turn.
 */
static void test_packets_that_are_not_due(void **state)
{
	static const char *const words[] = {"after-flood", "after-flood-no-spare", "after-huge",
		"after-done", "after-failure", "after-ready", "after-header", "late-flood"};
	struct world world;
	(void)state;
	struct session *session = world_begin(&world, FAKE_DECODER);
	world_load(&world, session, "kept", "good", "OK name=kept ");
	for (size_t i = 0; i < COUNT(words); i++) {
		print_message("%s\n", words[i]);
		bool published = strncmp(words[i], "after-", 6) == 0;
		world_load(&world, session, "a", words[i], published ? "OK name=a " : "ERR code=");
		const struct worker *worker = LIST_FIRST(&world.engine.pool.workers);
		pid_t pid = worker->pid;
		unsigned packets = 0;
		while (worker->state != WORKER_ENDING) {
			assert_true(sd_event_run(world.event, UINT64_C(20000000)) > 0);
			assert_in_range(++packets, 1, 100);
		}
		world_load(&world, session, "b", "good", "OK name=b ");
		assert_int_not_equal(LIST_FIRST(&world.engine.pool.workers)->pid, pid);
		if (published)
			world_expect(&world, session, "RELEASE name=a", -1, "OK\n");
		world_expect(&world, session, "RELEASE name=b", -1, "OK\n");
		world_expect(&world, session, "DROP name=b", -1, "OK\n");
		if (published)
			world_expect(&world, session, "DROP name=a", -1, "OK\n");
	}
	world_expect(&world, session, "FETCH name=kept", -1, "OK name=kept ");
	world_end(&world, session);
}

static void test_native_must_match_format(void **state)
{
	struct world world;
	(void)state;
	struct session *session = world_begin(&world, FAKE_DECODER);
	const char *line = "LOAD name=a source=fd format=native";
	world_expect(&world, session, line, world_file("native-other"), "ERR code=decoder-failed");
	world_expect(&world, session, line, world_file("format-other"), "ERR code=decoder-failed");
	world_expect(&world, session, line, world_file("good"), "OK name=a ");
	world_end(&world, session);
}

/* Errors that a decoder may report, and images that the daemon refuses. */
static void test_refused(void **state)
{
	struct world world;
	(void)state;
	struct session *session = world_begin(&world, FAKE_DECODER);
	world_load(&world, session, "a", "early-error", "ERR code=not-an-image message=mmmmmm");
	world_load(&world, session, "a", "late-error", "ERR code=not-an-image message=mmmmmm");
	for (int late = 0; late < 2; late++)
		world_load(&world, session, "a", late ? "late-noise" : "early-noise",
			"ERR code=not-an-image message=a?shmimgd:%20b?[31m?\?\?\?\?%250A");
	world_load(&world, session, "a", "width-huge", "ERR code=too-large ");
	world.engine.store.memory_max = 4096;
	world_load(&world, session, "a", "good", "ERR code=no-space ");
	world.engine.store.memory_max = 1 << 20;
	assert_int_equal(world.engine.store.bytes, 0);
	world_load(&world, session, "a", "good", "OK name=a ");
	assert_int_equal(world.engine.pool.restarts, 0);
	world_end(&world, session);
}

/* A decoder that hangs is killed at its deadline; meanwhile another one continues. */
static void test_hang(void **state)
{
	static const char *const words[] = {"early-hang", "late-hang"};
	static struct answer hung;
	(void)state;
	for (size_t i = 0; i < COUNT(words); i++) {
		struct world world;
		struct session *session = world_begin(&world, FAKE_DECODER);
		world.options.decoders = 2;
		assert_int_equal(
			world_call(session, &hung, "LOAD name=a source=fd", world_file(words[i])),
			OUTCOME_LATER);
		world_load(&world, session, "b", "good", "OK name=b ");
		assert_false(hung.reply.completed);
		assert_int_equal(world.engine.loader.count, 1);
		world_wait(&world, &hung);
		assert_non_null(strstr(hung.data, "ERR code=decoder-failed"));
		assert_non_null(strstr(hung.data, "longer%20than%201%20seconds"));
		world_load(&world, session, "a", "good", "OK name=a ");
		assert_int_equal(world.engine.pool.restarts, 1);
		world_end(&world, session);
	}
}

static void test_file_that_always_changes(void **state)
{
	struct world world;
	(void)state;
	struct session *session = world_begin(&world, FAKE_DECODER);
	world_load(&world, session, "a", "touch", "ERR code=busy ");
	assert_int_equal(world.engine.counters.decodes, 3);
	assert_int_equal(world.engine.store.bytes, 0);
	world_end(&world, session);
}

static void test_no_decoder(void **state)
{
	struct world world;
	(void)state;
	struct session *session = world_begin(&world, NULL);
	world_load(&world, session, "a", "good", "ERR code=decoder-failed ");
	world_load(&world, session, "a", "good", "ERR code=decoder-failed ");
	world_end(&world, session);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_broken),
		cmocka_unit_test(test_not_ready),
		cmocka_unit_test(test_sandbox_is_reported),
		cmocka_unit_test(test_packets_that_are_not_due),
		cmocka_unit_test(test_native_must_match_format),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_hang),
		cmocka_unit_test(test_file_that_always_changes),
		cmocka_unit_test(test_no_decoder),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
