/*
 * Tests of renditions that are made from others in memory: from which, and what becomes of it
 * when that is of no use or goes. The fake decoder's "good" is a picture of 8 x 8 pixels in RGB8,
 * its "tall" one of 8 x 16; from a segment of its "brittle" it makes nothing.
 */
#include <string.h>
#include <unistd.h>

#include "tests/unit/unit.h"
#include "tests/unit/world.h"

/* What can be had from memory is: scaled once, from the whole, or in another format. */
static void test_derived(void **state)
{
	static const struct {
		const char *line;
		unsigned derived; /* decodes so far that were given a segment */
	} steps[] = {
		{"LOAD name=a source=fd width=6", 0},
		{"LOAD name=a source=fd width=4", 0},		    /* not what is scaled already */
		{"LOAD name=a source=fd width=4 format=native", 1}, /* that has no alpha */
		{"LOAD name=a source=fd", 1},
		{"LOAD name=a source=fd width=3", 2},
		{"LOAD name=a source=fd width=3 format=BGRA8-premul", 3},
		{"LOAD name=a source=fd width=3 format=GRAY8",
			3}, /* is made of colours by codecs */
		{"LOAD name=a source=fd format=RGBA16", 4},
		{"LOAD name=b source=fd width=3", 4}, /* nobody else's, nor another name's */
		{"LOAD name=b source=fd width=3 share=all", 5},
	};
	struct world world;
	(void)state;
	struct session *session = world_begin(&world, FAKE_DECODER);
	int file = world_file("good");
	for (size_t i = 0; i < COUNT(steps); i++) {
		print_message("%s\n", steps[i].line);
		world_expect(&world, session, steps[i].line, dup(file), "OK ");
		assert_int_equal(world.engine.counters.derived, steps[i].derived);
		assert_int_equal(world.engine.counters.decodes, i + 1);
	}
	close(file);
	file = world_file("good");
	world_expect(&world, session, "LOAD name=a source=fd width=3", dup(file), "OK ");
	assert_int_equal(world.engine.counters.derived, steps[COUNT(steps) - 1].derived);
	assert_int_equal(world.engine.pool.restarts, 0);
	close(file);
	world_end(&world, session);
}

/* Two at once: the second one begins when the first is there, and is made from that. */
static void test_derived_from_what_has_come_since(void **state)
{
	static struct answer answers[2];
	struct world world;
	(void)state;
	struct session *session = world_begin(&world, FAKE_DECODER);
	int file = world_file("tall");
	world_call(session, &answers[0], "LOAD name=a source=fd", dup(file));
	world_call(session, &answers[1], "LOAD name=a source=fd width=4", dup(file));
	world_wait(&world, &answers[0]);
	world_wait(&world, &answers[1]);
	assert_non_null(strstr(answers[1].data, "width=4 height=8 "));
	assert_int_equal(world.engine.counters.derived, 1);
	close(file);
	world_end(&world, session);
}

/* A segment that is of no use is no fault of the file's. */
static void test_not_derived_after_all(void **state)
{
	struct world world;
	(void)state;
	struct session *session = world_begin(&world, FAKE_DECODER);
	int file = world_file("brittle");
	world_expect(&world, session, "LOAD name=a source=fd", dup(file), "OK ");
	world_expect(&world, session, "LOAD name=a source=fd width=4", dup(file), "OK ");
	assert_int_equal(world.engine.counters.derived, 1);
	assert_int_equal(world.engine.counters.decodes, 3);
	assert_int_equal(world.engine.store.rendition_count, 2);
	close(file);
	world_end(&world, session);
}

/*
 * The image goes while another rendition of it is made from it: that is whole all the same. The
 * last descriptor of the image's segment is closed by the freeing process.
 */
static void test_origin_goes(void **state)
{
	static struct answer answer;
	struct world world;
	(void)state;
	struct session *session = world_begin(&world, FAKE_DECODER);
	struct session *other = world_session(&world, geteuid(), getegid());
	int file = world_file("good");
	world_expect(&world, session, "LOAD name=a source=fd pin=no", dup(file), "OK ");
	world_call(other, &answer, "LOAD name=a source=fd width=4", dup(file));
	while (world.engine.counters.derived == 0)
		assert_true(sd_event_run(world.event, UINT64_MAX) > 0);
	world_expect(&world, session, "DROP name=a", -1, "OK");
	const struct deferred_free *deferred_free = &world.engine.deferred_free;
	unsigned before = 0;
	while (!answer.reply.completed) {
		before = deferred_free->pending;
		assert_true(sd_event_run(world.event, UINT64_MAX) > 0);
	}
	assert_int_equal(deferred_free->pending, before + 1);
	assert_non_null(strstr(answer.data, "width=4 height=4 "));
	assert_int_equal(world.engine.store.rendition_count, 1);
	close(file);
	session_close(other);
	world_end(&world, session);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_derived),
		cmocka_unit_test(test_derived_from_what_has_come_since),
		cmocka_unit_test(test_not_derived_after_all),
		cmocka_unit_test(test_origin_goes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
