/*
 * Tests of loads from the request to the published rendition: what is decoded once, what is
 * answered from memory, in which order, and what is left when a client goes.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/unit/unit.h"
#include "tests/unit/world.h"

static void test_good(void **state)
{
	struct world world;
	(void)state;
	struct session *session = world_begin(&world, FAKE_DECODER);
	world_load(&world, session, "a", "good", "OK name=a segment=/shmimg-");
	world_expect(&world, session, "STAT name=a", -1, "OK name=a segment=");
	world_expect(&world, session, "FETCH name=a fd=yes", -1, "OK name=a segment=");
	world_expect(&world, session, "RELEASE name=a", -1, "OK\n");
	world_expect(&world, session, "DROP name=a", -1, "OK\n");
	assert_int_equal(world.engine.store.bytes, 0);
	assert_int_equal(world.engine.pool.restarts, 0);
	world_end(&world, session);
}

static void test_cached(void **state)
{
	struct world world;
	(void)state;
	struct session *session = world_begin(&world, FAKE_DECODER);
	int fd = world_file("good");
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
	world_end(&world, session);
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
		struct session *session = world_begin(&world, FAKE_DECODER);
		world_call(session, &answer, "LOAD name=a source=fd", world_file(cases[i].word));
		while (cases[i].reserved && world.engine.store.reserved == 0)
			assert_true(sd_event_run(world.event, UINT64_MAX) > 0);
		session_close(session);
		assert_int_equal(world.engine.loader.count, 0);
		assert_int_equal(world.engine.store.bytes, 0);
		assert_false(answer.reply.completed);
		session = world_session(&world, geteuid(), getegid());
		world_load(&world, session, "a", "good", "OK name=a ");
		world_end(&world, session);
	}
}

static void test_stopped_while_loading(void **state)
{
	static const char *const words[] = {"good", "early-hang", "late-hang"};
	static struct answer answer;
	(void)state;
	for (size_t i = 0; i < COUNT(words); i++) {
		struct world world;
		struct session *session = world_begin(&world, FAKE_DECODER);
		world_call(session, &answer, "LOAD name=a source=fd", world_file(words[i]));
		for (int turn = 0; turn < 3; turn++)
			assert_true(sd_event_run(world.event, 10000) >= 0);
		world_end(&world, session);
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
	struct session *session = world_begin(&world, FAKE_DECODER);
	struct session *other = world_session(&world, geteuid() + 4711, 4711);
	world_load(&world, session, "a", "good", "OK name=a ");
	pid_t first = decoder_pid(&world);
	world_load(&world, session, "b", "good", "OK name=b ");
	assert_int_equal(decoder_pid(&world), first);
	world_load(&world, other, "a", "good", "OK name=a ");
	assert_int_not_equal(decoder_pid(&world), first);
	assert_int_equal(world.engine.store.image_count, 3);
	assert_int_equal(world.engine.pool.restarts, 0);
	session_close(other);
	world_end(&world, session);
}

static void test_joined(void **state)
{
	static struct answer answers[5];
	static const char *const lines[] = {"LOAD name=a source=fd", "LOAD name=a source=fd pin=no",
		"LOAD name=a source=fd keep=pinned", "LOAD name=a source=fd format=GRAY8",
		"LOAD name=b source=fd"};
	struct world world;
	(void)state;
	struct session *session = world_begin(&world, FAKE_DECODER);
	struct session *other = world_session(&world, geteuid(), getegid());
	int fd = world_file("good");
	for (size_t i = 0; i < COUNT(lines); i++)
		assert_int_equal(
			world_call(i % 2 ? other : session, &answers[i], lines[i], dup(fd)),
			OUTCOME_LATER);
	assert_int_equal(world.engine.loader.count, 3);
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
	world_end(&world, session);
}

/* Two loads of one file by different words for one format: both decode, one is kept. */
static void test_same_by_another_word(void **state)
{
	static struct answer answers[2];
	struct world world;
	(void)state;
	struct session *session = world_begin(&world, FAKE_DECODER);
	int fd = world_file("good");
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
	world_end(&world, session);
}

static void test_states_of_a_file_in_order(void **state)
{
	enum { STATES = 6 };
	static struct answer answers[STATES];
	struct world world;
	(void)state;
	struct session *session = world_begin(&world, FAKE_DECODER);
	world.options.decoders = world.options.user_decoders = 3;
	for (int i = 0; i < STATES; i++)
		world_call(session, &answers[i], "LOAD name=a source=fd", world_file("good"));
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
	world_end(&world, session);
}

static void test_failed_load_changes_nothing(void **state)
{
	struct world world;
	(void)state;
	struct session *session = world_begin(&world, FAKE_DECODER);
	int fd = world_file("rgba");
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
	world_end(&world, session);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_cached),
		cmocka_unit_test(test_cancelled),
		cmocka_unit_test(test_stopped_while_loading),
		cmocka_unit_test(test_users_do_not_share_a_decoder),
		cmocka_unit_test(test_joined),
		cmocka_unit_test(test_same_by_another_word),
		cmocka_unit_test(test_states_of_a_file_in_order),
		cmocka_unit_test(test_failed_load_changes_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
