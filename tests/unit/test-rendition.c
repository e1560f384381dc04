/*
 * Tests of the sizes that an image is there in: which LOAD is answered from memory and which
 * is decoded, which rendition a FETCH, STAT or RELEASE means, and how many there can be.
 * The fake decoder's "good" is a picture of 8 x 8 pixels, its "tall" one of 8 x 16.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/unit.h"
#include "tests/unit/world.h"

struct step {
	const char *line, *answer; /* what is to be in it; "ERR " and a code when it is refused */
	unsigned decodes;
};

/* Asks all of a file, and counts the decodes. */
static void walk(struct world *world, struct session *session, int file, const struct step *steps,
	size_t count)
{
	static struct answer answer;
	uint64_t before = world->engine.counters.decodes;
	for (size_t i = 0; i < count; i++) {
		const char *line = steps[i].line;
		int fd = strstr(line, "source=fd") ? dup(file) : -1;
		if (world_call(session, &answer, line, fd) == OUTCOME_LATER)
			world_wait(world, &answer);
		if (!strstr(answer.data, steps[i].answer))
			fail_msg("%s: %s", line, answer.data);
		assert_int_equal(world->engine.counters.decodes - before, steps[i].decodes);
	}
}

static void test_cached(void **state)
{
	static const struct step steps[] = {
		{"LOAD name=a source=fd width=4", "width=4 height=4 ", 1},
		{"LOAD name=a source=fd width=4", " cached=yes full-width=8 full-height=8\n", 1},
		{"LOAD name=a source=fd height=4", " cached=yes ", 1},
		{"LOAD name=a source=fd width=8 height=4", " cached=yes ", 1},
		{"LOAD name=a source=fd width=4 format=native", " cached=no ", 2},
		{"LOAD name=a source=fd width=4 format=RGB8", " cached=yes ", 2},
		{"LOAD name=a source=fd width=5", "width=5 height=5 ", 3},
		{"LOAD name=a source=fd", " cached=no\n", 4},
		{"LOAD name=a source=fd width=8", " cached=yes\n", 4},
		{"LOAD name=a source=fd width=2147483647 height=9", " cached=yes\n", 4},
		{"LOAD name=a source=fd width=4", " cached=yes ", 4},
		{"STAT name=a", " renditions=RGBA8,RGBA8:5x5,RGBA8:4x4,RGB8:4x4 ", 4},
	};
	struct world world;
	(void)state;
	struct session *session = world_begin(&world, FAKE_DECODER);
	int file = world_file("good");
	walk(&world, session, file, steps, COUNT(steps));
	assert_int_equal(world.engine.store.image_count, 1);
	assert_int_equal(world.engine.store.rendition_count, 4);
	close(file);
	world_end(&world, session);
}

/* Whose file has changed has one generation, with what was asked for since. */
static void test_changed(void **state)
{
	static const struct step first[] = {
		{"LOAD name=a source=fd pin=no", " cached=no\n", 1},
		{"LOAD name=a source=fd pin=no width=4", " cached=no ", 2},
	};
	static const struct step second[] = {
		{"LOAD name=a source=fd width=4", "width=4 height=8 ", 1},
		{"STAT name=a", " renditions=RGBA8:4x8 ", 1},
	};
	struct world world;
	(void)state;
	struct session *session = world_begin(&world, FAKE_DECODER);
	int good = world_file("good"), tall = world_file("tall");
	walk(&world, session, good, first, COUNT(first));
	walk(&world, session, tall, second, COUNT(second));
	assert_int_equal(world.engine.store.rendition_count, 1);
	close(good);
	close(tall);
	world_end(&world, session);
}

static void test_chosen(void **state)
{
	static const struct step steps[] = {
		{"LOAD name=a source=fd width=4 format=GRAY8", "width=4 ", 1},
		{"LOAD name=a source=fd width=2", "width=2 ", 2},
		/* The largest, whatever its format. */
		{"FETCH name=a", "width=4 height=4 stride=64 format=GRAY8 ", 2},
		{"FETCH name=a format=RGBA8", "width=2 height=2 stride=64 format=RGBA8 ", 2},
		{"FETCH name=a width=2", "format=RGBA8 ", 2},
		{"FETCH name=a height=4", "format=GRAY8 ", 2},
		{"FETCH name=a width=2", " full-width=8 full-height=8\n", 2},
		{"STAT name=a width=2", " full-width=8 full-height=8 watch=no ", 2},
		{"LOAD name=a source=fd width=4", "width=4 ", 3},
		{"FETCH name=a", "width=4 height=4 stride=64 format=RGBA8 ", 3},
		{"LOAD name=a source=fd format=GRAY16", "width=8 ", 4},
		{"FETCH name=a", "width=8 height=8 stride=64 format=GRAY16 ", 4},
		{"FETCH name=a width=100 height=100", "width=8 height=8 ", 4},
		{"FETCH name=a width=3",
			"ERR code=not-found what=rendition "
			"message=the%20image%20was%20not%20loaded%20in%20this%20"
			"size;%20load%20it%20with%20width=3\n",
			4},
		{"STAT name=a width=3 height=7 format=native",
			"load%20it%20with%20format=native%20width=3%20height=7\n", 4},
		{"FETCH name=a width=4 format=RGB8", "ERR code=not-found ", 4},
		{"FETCH name=a height=1", "load%20it%20with%20height=1\n", 4},
		{"FETCH name=a format=RGB8",
			"the%20image%20was%20not%20loaded%20in%20this%20format;%20load%20it%20with%"
			"20"
			"format=RGB8\n",
			4},
		{"LIST", "width=8 height=8 stride=64 format=GRAY16 ", 4},
	};
	struct world world;
	(void)state;
	struct session *session = world_begin(&world, FAKE_DECODER);
	int file = world_file("good");
	walk(&world, session, file, steps, COUNT(steps));
	close(file);
	world_end(&world, session);
}

static void test_bad_numbers(void **state)
{
	static const char *const numbers[] = {
		"", "0", "-1", "+1", "1.5", "x", "2147483648", "1x1", "99999999999999999999"};
	static const char *const begins[] = {
		"LOAD name=a source=fd", "FETCH name=a", "STAT name=a", "RELEASE name=a"};
	struct world world;
	(void)state;
	struct session *session = world_begin(&world, FAKE_DECODER);
	for (size_t i = 0; i < COUNT(numbers) * COUNT(begins) * 2; i++) {
		char line[96], answer[160];
		const char *key = i % 2 ? "width" : "height";
		const char *begin = begins[i / 2 % COUNT(begins)];
		snprintf(
			line, sizeof(line), "%s %s=%s", begin, key, numbers[i / 2 / COUNT(begins)]);
		snprintf(answer, sizeof(answer),
			"ERR code=invalid-argument key=%s "
			"message=%s=%%20must%%20be%%20a%%20number%%20from%%201%%20to%%"
			"202147483647;",
			key, key);
		int fd = *begin == 'L' ? world_file("good") : -1;
		world_expect(&world, session, line, fd, answer);
	}
	world_end(&world, session);
}

static void test_released(void **state)
{
	static const struct step steps[] = {
		{"LOAD name=a source=fd", "OK ", 1},
		{"LOAD name=a source=fd width=4", "OK ", 2},
		{"LOAD name=a source=fd width=2", "OK ", 3},
		{"LOAD name=a source=fd width=2 format=GRAY8", "OK ", 4},
		{"RELEASE name=a width=3", "ERR code=not-found ", 4},
		{"RELEASE name=a width=4", "OK", 4},
		{"RELEASE name=a width=4", "ERR code=not-found ", 4},
		{"STAT name=a", " pins=3 ", 4},
		{"RELEASE name=a width=2 format=GRAY8", "OK", 4},
		{"RELEASE name=a width=8 height=8", "OK", 4},
		{"STAT name=a", " pins=1 ", 4},
		{"RELEASE name=a", "OK", 4},
		{"STAT name=a", " pins=0 ", 4},
	};
	struct world world;
	(void)state;
	struct session *session = world_begin(&world, FAKE_DECODER);
	int file = world_file("good");
	walk(&world, session, file, steps, COUNT(steps));
	close(file);
	world_end(&world, session);
}

/* The same box is decoded once; two that come to the same size are one rendition in the end. */
static void test_joined(void **state)
{
	static const char *const lines[] = {"LOAD name=a source=fd width=4",
		"LOAD name=a source=fd width=4", "LOAD name=a source=fd height=4",
		"LOAD name=a source=fd", "LOAD name=a source=fd width=3"};
	static struct answer answers[COUNT(lines)];
	struct world world;
	(void)state;
	struct session *session = world_begin(&world, FAKE_DECODER);
	struct session *other = world_session(&world, geteuid(), getegid());
	int file = world_file("good");
	for (size_t i = 0; i < COUNT(lines); i++)
		assert_int_equal(
			world_call(i % 2 ? other : session, &answers[i], lines[i], dup(file)),
			OUTCOME_LATER);
	assert_int_equal(world.engine.loader.count, 4);
	for (size_t i = 0; i < COUNT(lines); i++)
		world_wait(&world, &answers[i]);
	assert_string_equal(answers[0].data, answers[1].data);
	assert_string_equal(answers[0].data, answers[2].data);
	assert_non_null(strstr(answers[3].data, "width=8 "));
	assert_non_null(strstr(answers[4].data, "width=3 "));
	assert_int_equal(world.engine.store.rendition_count, 3);
	assert_int_equal(world_segments(&world), 3);
	close(file);
	session_close(other);
	world_end(&world, session);
}

static void load_width(struct world *world, struct session *session, int file, unsigned width,
	const char *more, const char *answer)
{
	char line[96];
	snprintf(line, sizeof(line), "LOAD name=a source=fd width=%u%s", width, more);
	world_expect(world, session, line, dup(file), answer);
}

/* One more than an image may have takes the place of what was wanted longest ago. */
static void test_many(void **state)
{
	static const char *const formats[] = {" format=RGBA8", " format=RGB8", " format=GRAY8",
		" format=GRAY16", " format=RGBA16"};
	struct world world;
	(void)state;
	struct session *session = world_begin(&world, FAKE_DECODER);
	const struct store *store = &world.engine.store;
	int file = world_file("good");
	for (unsigned i = 0; i < RENDITIONS_MAX; i++)
		load_width(&world, session, file, 1 + i % 8, formats[i / 8], "OK ");
	uint64_t bytes = store->bytes;
	assert_int_equal(store->rendition_count, RENDITIONS_MAX);
	load_width(&world, session, file, 1, formats[4],
		"ERR code=over-quota limit=renditions used=32 max=32 "
		"message=the%20image%20has%2032%20");
	world_expect(&world, session, "RELEASE name=a format=RGB8", -1, "OK");
	load_width(&world, session, file, 1, formats[1], "OK ");
	load_width(&world, session, file, 1, formats[4], "OK ");
	world_expect(
		&world, session, "FETCH name=a format=RGB8 width=2", -1, "ERR code=not-found ");
	world_expect(&world, session, "FETCH name=a format=RGB8 width=3", -1, "OK ");
	assert_int_equal(store->rendition_count, RENDITIONS_MAX);
	assert_int_equal(store->bytes, bytes);
	assert_int_equal(world_segments(&world), RENDITIONS_MAX);
	/* Of an image that is to stay nothing goes. */
	load_width(&world, session, file, 1, " keep=pinned", "OK ");
	load_width(&world, session, file, 2, formats[4], "ERR code=over-quota ");
	/* Nor of one that is to stay from now on; once it is a cache again, one goes. */
	world_expect(&world, session, "RELEASE name=a", -1, "OK");
	load_width(&world, session, file, 1, " keep=cache", "OK ");
	world_expect(&world, session, "RELEASE name=a", -1, "OK");
	load_width(&world, session, file, 2, " format=RGBA16 keep=pinned", "ERR code=over-quota ");
	assert_int_equal(store->rendition_count, RENDITIONS_MAX);
	assert_int_equal(store_find(&world.engine.store, "a", geteuid())->keep, KEEP_CACHE);
	load_width(&world, session, file, 2, formats[4], "OK ");
	assert_int_equal(store->rendition_count, RENDITIONS_MAX);
	/* Another state of the file begins anew. */
	int tall = world_file("tall");
	load_width(&world, session, tall, 2, formats[4], "OK ");
	world_expect(&world, session, "STAT name=a", -1, "OK name=a ");
	assert_int_equal(image_current(store_find(&world.engine.store, "a", geteuid()))->count, 1);
	close(file);
	close(tall);
	world_end(&world, session);
}

/* The first box stays, of the others those that came last. */
static void test_boxes(void **state)
{
	struct world world;
	(void)state;
	struct session *session = world_begin(&world, FAKE_DECODER);
	int file = world_file("good");
	for (unsigned width = 10; width < 16; width++)
		load_width(&world, session, file, width, "", "OK ");
	load_width(&world, session, file, 14, "", "OK ");
	const struct image *image = store_find(&world.engine.store, "a", geteuid());
	const struct rendition *rendition =
		generation_find(image_current(image), FORMAT_RGBA8, BOX_ANY);
	static const uint32_t widths[RENDITION_BOXES] = {10, 13, 14, 15};
	assert_int_equal(rendition->box_count, RENDITION_BOXES);
	for (unsigned i = 0; i < RENDITION_BOXES; i++)
		assert_int_equal(rendition->boxes[i].width, widths[i]);
	close(file);
	world_end(&world, session);
}

/* What the picture is in memory is no matter to limits that are for decoding it. */
static void test_limits_are_of_the_whole(void **state)
{
	struct world world;
	(void)state;
	struct session *session = world_begin(&world, FAKE_DECODER);
	int file = world_file("good");
	world.options.max_pixels = 63;
	load_width(&world, session, file, 1, "",
		"ERR code=too-large limit=max-pixels used=64 max=63 "
		"message=8%20x%208%20pixels%20are%20more%20than%20"
		"max-pixels=63;");
	world.options.max_pixels = 64;
	world.options.max_pixels_per_byte = 1;
	load_width(&world, session, file, 1, "", "ERR code=too-large message=8%20x%208%20pixels");
	world.options.max_pixels_per_byte = 64;
	load_width(&world, session, file, 1, "", "OK ");
	close(file);
	world_end(&world, session);
}

/* Renames a file that tells the fake decoder what to do into place. */
static void put(const char *path, const char *word)
{
	char made[64];
	snprintf(made, sizeof(made), "%s.new", path);
	int fd = open(made, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_return_code(fd, errno);
	assert_int_equal(write(fd, word, strlen(word)), strlen(word));
	close(fd);
	assert_return_code(rename(made, path), errno);
}

/*
 * A followed file comes again in each box that was asked for, together: two that came to one
 * size are two now, and the other way round.
 */
static void test_followed(void **state)
{
	char folder[] = "/tmp/shmimg-unit-XXXXXX", path[48], line[128];
	struct world world;
	(void)state;
	struct session *session = world_begin(&world, FAKE_DECODER);
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/a", folder);
	static const char *const boxes[] = {
		" width=4 watch=yes", "", " height=4", " height=4 format=GRAY8", " width=20"};
	static const char *const states[][2] = {
		{"good", " renditions=RGBA8,RGBA8:4x4,GRAY8:4x4 "},
		{"tall", " renditions=RGBA8,RGBA8:4x8,RGBA8:2x4,GRAY8:2x4 "},
		{"good", " renditions=RGBA8,RGBA8:4x4,GRAY8:4x4 "},
	};
	put(path, states[0][0]);
	for (size_t i = 0; i < COUNT(boxes); i++) {
		snprintf(line, sizeof(line), "LOAD name=a pin=no path=%s%s", path, boxes[i]);
		world_expect(&world, session, line, -1, "OK ");
	}
	const struct image *image = store_find(&world.engine.store, "a", geteuid());
	for (size_t i = 0; i < COUNT(states); i++) {
		static struct answer answer;
		uint64_t before = image_current(image)->number;
		if (i > 0)
			put(path, states[i][0]);
		while (i > 0 && image_current(image)->number == before)
			assert_true(sd_event_run(world.event, UINT64_C(20000000)) > 0);
		world_call(session, &answer, "STAT name=a", -1);
		if (!strstr(answer.data, states[i][1]))
			fail_msg("%s: %s", states[i][0], answer.data);
	}
	assert_int_equal(world.engine.loader.count, 0);
	unlink(path);
	assert_return_code(rmdir(folder), errno);
	world_end(&world, session);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cached),
		cmocka_unit_test(test_changed),
		cmocka_unit_test(test_chosen),
		cmocka_unit_test(test_bad_numbers),
		cmocka_unit_test(test_released),
		cmocka_unit_test(test_joined),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_boxes),
		cmocka_unit_test(test_limits_are_of_the_whole),
		cmocka_unit_test(test_followed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
