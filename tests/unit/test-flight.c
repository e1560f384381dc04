/*
 * Tests of loads from the request to the published rendition, with a decoder that breaks
 * every rule it has: each costs its own LOAD alone, and nothing stays reserved or open.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/unit/unit.h"
#include "tests/unit/world.h"

/* A file that tells the decoder what to do. */
static int make_file(const char *word)
{
	int fd = memfd_create("file", MFD_CLOEXEC);
	assert_return_code(fd, errno);
	assert_int_equal(write(fd, word, strlen(word)), strlen(word));
	return fd;
}

static void load(struct world *world, struct session *session, const char *name, const char *word,
	const char *begin)
{
	char line[128];
	snprintf(line, sizeof(line), "LOAD source=fd name=%s", name);
	world_expect(world, session, line, make_file(word), begin);
}

static struct session *begin(struct world *world)
{
	world_open(world, FAKE_DECODER);
	world->engine.pool.max = 1;
	return world_session(world, geteuid(), getegid());
}

static void end(struct world *world, struct session *session)
{
	session_close(session);
	world_close(world);
}

static void test_good(void **state)
{
	struct world world;
	(void)state;
	struct session *session = begin(&world);
	load(&world, session, "a", "good", "OK name=a segment=/shmimg-");
	world_expect(&world, session, "STAT name=a", -1, "OK name=a segment=");
	world_expect(&world, session, "FETCH name=a fd=yes", -1, "OK name=a segment=");
	world_expect(&world, session, "RELEASE name=a", -1, "OK\n");
	world_expect(&world, session, "DROP name=a", -1, "OK\n");
	assert_int_equal(world.engine.store.bytes, 0);
	assert_int_equal(world.engine.pool.restarts, 0);
	end(&world, session);
}

static void test_cached(void **state)
{
	struct world world;
	(void)state;
	struct session *session = begin(&world);
	int fd = make_file("good");
	static struct answer answer;
	static const struct {
		const char *line, *cached;
		unsigned decodes;
	} cases[] = {
		{"LOAD name=a source=fd", "cached=no", 1},
		{"LOAD name=a source=fd", "cached=yes", 1},
		{"LOAD name=a source=fd share=private", "cached=yes", 1},
		{"LOAD name=a source=fd format=native", "cached=no", 2},
		{"LOAD name=a source=fd format=RGB8", "cached=yes", 2},
		{"LOAD name=a source=fd format=native fd=yes", "cached=yes", 2},
		{"LOAD name=a source=fd format=GRAY16 pin=no", "cached=no", 3},
		{"LOAD name=b source=fd", "cached=no", 4},
		{"LOAD name=a source=fd share=all", "cached=no", 5},
		{"LOAD name=a source=fd", "cached=yes", 5},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		if (world_call(session, &answer, cases[i].line, dup(fd)) == OUTCOME_LATER)
			world_wait(&world, &answer);
		if (!strstr(answer.data, cases[i].cached))
			fail_msg("%s: %s", cases[i].line, answer.data);
		assert_int_equal(world.engine.counters.decodes, cases[i].decodes);
		assert_int_equal(answer.reply.fd >= 0, strstr(cases[i].line, "fd=yes") != NULL);
		if (answer.reply.fd >= 0)
			close(answer.reply.fd);
	}
	close(fd);
	end(&world, session);
}

/* By each of these the decoder has broken a rule; restarts: it is ended for that. */
static const struct {
	const char *word;
	unsigned restarts;
} broken[] = {
	{"early-exit", 1},
	{"early-signal", 1},
	{"early-short", 1},
	{"early-empty", 1},
	{"early-long", 1},
	{"early-segment", 1},
	{"early-unknown", 1},
	{"early-done", 1},
	{"early-busy", 1},
	{"early-fault", 1},
	{"early-none", 1},
	{"early-header", 0},
	{"late-exit", 1},
	{"late-signal", 1},
	{"late-short", 1},
	{"late-empty", 1},
	{"late-long", 1},
	{"late-segment", 1},
	{"late-header", 1},
	{"late-busy", 1},
	{"late-none", 1},
	{"late-done", 0}, /* without having filled it */
	{"holes", 0},
	{"shrink", 0},
	{"grow", 0},
	{"width-none", 0},
	{"height-none", 0},
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
	struct session *session = begin(&world);
	const struct engine *engine = &world.engine;
	load(&world, session, "kept", "good", "OK name=kept ");
	uint64_t bytes = engine->store.bytes;
	for (size_t i = 0; i < COUNT(broken); i++) {
		uint64_t restarts = engine->pool.restarts;
		print_message("%s\n", broken[i].word);
		load(&world, session, "a", broken[i].word, "ERR code=decoder-failed message=");
		assert_int_equal(engine->store.bytes, bytes);
		assert_int_equal(engine->flight_count, 0);
		assert_int_equal(engine->pool.restarts - restarts, broken[i].restarts);
		assert_int_equal(world_segments(&world), 1);
		load(&world, session, "a", "good", "OK name=a ");
		world_expect(&world, session, "RELEASE name=a", -1, "OK\n");
		world_expect(&world, session, "DROP name=a", -1, "OK\n");
	}
	world_expect(&world, session, "FETCH name=kept", -1, "OK name=kept ");
	end(&world, session);
}

static void test_native_must_be_what_was_written(void **state)
{
	struct world world;
	(void)state;
	struct session *session = begin(&world);
	const char *line = "LOAD name=a source=fd format=native";
	world_expect(&world, session, line, make_file("native-other"), "ERR code=decoder-failed");
	world_expect(&world, session, line, make_file("format-other"), "ERR code=decoder-failed");
	world_expect(&world, session, line, make_file("good"), "OK name=a ");
	end(&world, session);
}

/* What a decoder may say of a file. */
static void test_refused(void **state)
{
	struct world world;
	(void)state;
	struct session *session = begin(&world);
	load(&world, session, "a", "early-error", "ERR code=not-an-image message=mmmmmm");
	load(&world, session, "a", "late-error", "ERR code=not-an-image message=mmmmmm");
	load(&world, session, "a", "width-huge", "ERR code=too-large ");
	world.options.max_pixels = 63;
	load(&world, session, "a", "good", "ERR code=too-large ");
	world.options.max_pixels = 64;
	world.engine.store.memory_max = 4096;
	load(&world, session, "a", "good", "ERR code=no-space ");
	world.engine.store.memory_max = 1 << 20;
	assert_int_equal(world.engine.store.bytes, 0);
	load(&world, session, "a", "good", "OK name=a ");
	assert_int_equal(world.engine.pool.restarts, 0);
	end(&world, session);
}

/* One that hangs is ended at its deadline; meanwhile another goes on. */
static void test_hang(void **state)
{
	static const char *const words[] = {"early-hang", "late-hang"};
	static struct answer hung;
	(void)state;
	for (size_t i = 0; i < COUNT(words); i++) {
		struct world world;
		struct session *session = begin(&world);
		world.engine.pool.max = 2;
		assert_int_equal(
			world_call(session, &hung, "LOAD name=a source=fd", make_file(words[i])),
			OUTCOME_LATER);
		load(&world, session, "b", "good", "OK name=b ");
		assert_false(hung.reply.completed);
		assert_int_equal(world.engine.flight_count, 1);
		world_wait(&world, &hung);
		assert_non_null(strstr(hung.data, "ERR code=decoder-failed"));
		assert_non_null(strstr(hung.data, "longer%20than%201%20seconds"));
		load(&world, session, "a", "good", "OK name=a ");
		assert_int_equal(world.engine.pool.restarts, 1);
		end(&world, session);
	}
}

/* The client goes while its file is decoded: at once nothing of it is held. */
static void test_cancelled(void **state)
{
	static const struct {
		const char *word;
		bool reserved; /* wait until the segment is made */
	} cases[] = {{"good", false}, {"early-hang", false}, {"late-hang", true}};
	static struct answer answer;
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct world world;
		struct session *session = begin(&world);
		world_call(session, &answer, "LOAD name=a source=fd", make_file(cases[i].word));
		while (cases[i].reserved && world.engine.store.bytes == 0)
			assert_true(sd_event_run(world.event, UINT64_MAX) > 0);
		session_close(session);
		assert_int_equal(world.engine.flight_count, 0);
		assert_int_equal(world.engine.store.bytes, 0);
		assert_false(answer.reply.completed);
		session = world_session(&world, geteuid(), getegid());
		load(&world, session, "a", "good", "OK name=a ");
		end(&world, session);
	}
}

static void test_stopped_while_loading(void **state)
{
	static const char *const words[] = {"good", "early-hang", "late-hang"};
	static struct answer answer;
	(void)state;
	for (size_t i = 0; i < COUNT(words); i++) {
		struct world world;
		struct session *session = begin(&world);
		world_call(session, &answer, "LOAD name=a source=fd", make_file(words[i]));
		for (int turn = 0; turn < 3; turn++)
			assert_true(sd_event_run(world.event, 10000) >= 0);
		end(&world, session);
	}
}

/* The descriptor of a decoder's that is told apart from any before it. */
static pid_t decoder_pid(const struct world *world)
{
	assert_int_equal(world->engine.pool.count, 1);
	return LIST_FIRST(&world->engine.pool.workers)->pid;
}

static void test_users_do_not_share_a_decoder(void **state)
{
	struct world world;
	(void)state;
	struct session *session = begin(&world);
	struct session *other = world_session(&world, geteuid() + 4711, 4711);
	load(&world, session, "a", "good", "OK name=a ");
	pid_t first = decoder_pid(&world);
	load(&world, session, "b", "good", "OK name=b ");
	assert_int_equal(decoder_pid(&world), first);
	load(&world, other, "a", "good", "OK name=a ");
	assert_int_not_equal(decoder_pid(&world), first);
	assert_int_equal(world.engine.store.image_count, 3);
	assert_int_equal(world.engine.pool.restarts, 0);
	session_close(other);
	end(&world, session);
}

static void test_joined(void **state)
{
	static struct answer answers[5];
	static const char *const lines[] = {"LOAD name=a source=fd", "LOAD name=a source=fd pin=no",
		"LOAD name=a source=fd keep=pinned", "LOAD name=a source=fd format=GRAY8",
		"LOAD name=b source=fd"};
	struct world world;
	(void)state;
	struct session *session = begin(&world);
	struct session *other = world_session(&world, geteuid(), getegid());
	int fd = make_file("good");
	for (size_t i = 0; i < COUNT(lines); i++)
		assert_int_equal(
			world_call(i % 2 ? other : session, &answers[i], lines[i], dup(fd)),
			OUTCOME_LATER);
	assert_int_equal(world.engine.flight_count, 3);
	assert_int_equal(world.engine.counters.decodes, 3);
	for (size_t i = 0; i < COUNT(lines); i++) {
		world_wait(&world, &answers[i]);
		assert_non_null(strstr(answers[i].data, "cached=no"));
	}
	assert_string_equal(answers[0].data, answers[1].data);
	assert_string_equal(answers[0].data, answers[2].data);
	const struct image *image = store_find(&world.engine.store, "a", geteuid());
	assert_int_equal(image->keep, KEEP_PINNED);
	assert_int_equal(image->pin_count, 2); /* of the first and third, and GRAY8 */
	close(fd);
	session_close(other);
	end(&world, session);
}

/* Two loads of one file by different words for one format: both decode, one is kept. */
static void test_same_by_another_word(void **state)
{
	static struct answer answers[2];
	struct world world;
	(void)state;
	struct session *session = begin(&world);
	int fd = make_file("good");
	world_call(session, &answers[0], "LOAD name=a source=fd format=native", dup(fd));
	world_call(session, &answers[1], "LOAD name=a source=fd format=RGB8 keep=pinned", dup(fd));
	world_wait(&world, &answers[0]);
	world_wait(&world, &answers[1]);
	assert_string_equal(answers[0].data, answers[1].data);
	const struct image *image = store_find(&world.engine.store, "a", geteuid());
	assert_int_equal(image->keep, KEEP_PINNED);
	assert_int_equal(world.engine.store.rendition_count, 1);
	assert_int_equal(world_segments(&world), 1);
	close(fd);
	end(&world, session);
}

static void test_states_of_a_file_in_order(void **state)
{
	enum { STATES = 6 };
	static struct answer answers[STATES];
	struct world world;
	(void)state;
	struct session *session = begin(&world);
	world.engine.pool.max = 3;
	for (int i = 0; i < STATES; i++)
		world_call(session, &answers[i], "LOAD name=a source=fd", make_file("good"));
	uint64_t last = 0;
	for (int i = 0; i < STATES; i++) {
		world_wait(&world, &answers[i]);
		unsigned long long generation = 0;
		const char *text = strstr(answers[i].data, "generation=");
		assert_non_null(text);
		assert_int_equal(sscanf(text, "generation=%llu", &generation), 1);
		assert_true(generation > last);
		last = generation;
	}
	assert_int_equal(world.engine.store.image_count, 1);
	assert_int_equal(world.engine.store.rendition_count, STATES); /* all pinned */
	end(&world, session);
}

static void test_file_that_never_rests(void **state)
{
	struct world world;
	(void)state;
	struct session *session = begin(&world);
	load(&world, session, "a", "touch", "ERR code=busy ");
	assert_int_equal(world.engine.counters.decodes, 3);
	assert_int_equal(world.engine.store.bytes, 0);
	end(&world, session);
}

static void test_failed_load_changes_nothing(void **state)
{
	struct world world;
	(void)state;
	struct session *session = begin(&world);
	int fd = make_file("rgba");
	world_expect(&world, session, "LOAD name=a source=fd", dup(fd), "OK name=a ");
	const struct image *image = store_find(&world.engine.store, "a", geteuid());
	world_expect(&world, session, "LOAD name=a source=fd format=GRAY8 keep=pinned share=all",
		dup(fd), "ERR code=decoder-failed ");
	world_expect(&world, session, "LOAD name=a source=fd format=GRAY8 keep=pinned", dup(fd),
		"ERR code=decoder-failed ");
	assert_ptr_equal(store_find(&world.engine.store, "a", geteuid()), image);
	assert_int_equal(image->keep, KEEP_CACHE);
	assert_int_equal(image->share, SHARE_PRIVATE);
	world_expect(&world, session, "LOAD name=a source=fd keep=pinned", dup(fd), "OK name=a ");
	assert_int_equal(image->keep, KEEP_PINNED);
	close(fd);
	end(&world, session);
}

static void test_no_decoder(void **state)
{
	struct world world;
	(void)state;
	world_open(&world, NULL);
	struct session *session = world_session(&world, geteuid(), getegid());
	load(&world, session, "a", "good", "ERR code=decoder-failed ");
	load(&world, session, "a", "good", "ERR code=decoder-failed ");
	end(&world, session);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_cached),
		cmocka_unit_test(test_broken),
		cmocka_unit_test(test_native_must_be_what_was_written),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_hang),
		cmocka_unit_test(test_cancelled),
		cmocka_unit_test(test_stopped_while_loading),
		cmocka_unit_test(test_users_do_not_share_a_decoder),
		cmocka_unit_test(test_joined),
		cmocka_unit_test(test_same_by_another_word),
		cmocka_unit_test(test_states_of_a_file_in_order),
		cmocka_unit_test(test_file_that_never_rests),
		cmocka_unit_test(test_failed_load_changes_nothing),
		cmocka_unit_test(test_no_decoder),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
