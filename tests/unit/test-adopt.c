/*
 * Tests of adoption: what a daemon left is there again with the next one, and nothing is that the
 * daemon itself has not written, however right it looks.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/base/clock.h"
#include "daemon/base/random.h"
#include "daemon/segment/shm-folder.h"
#include "daemon/store/seal.h"
#include "tests/unit/unit.h"
#include "tests/unit/world.h"

/* The present daemon ends as by a crash, for the next one of its identity. */
static void leave(struct world *world)
{
	engine_leave(&world->engine);
}

static void take_over(struct world *world)
{
	assert_int_equal(engine_start(&world->engine, world->event, &world->options,
				 &world->identity, "/nowhere/decoder"),
		0);
}

static struct rendition *find(struct world *world, const char *name)
{
	struct image *image = store_find(&world->engine.store, name, geteuid());
	return image ? generation_find(image_current(image), FORMAT_RGBA8, (struct box){16, 16})
		     : NULL;
}

static void path_of(const char *segment, char path[128])
{
	snprintf(path, 128, SHM_FOLDER "%s", segment);
}

static bool exists(const char *segment)
{
	struct stat status;
	char path[128];
	path_of(segment, path);
	return lstat(path, &status) == 0;
}

/* Opens a segment for writing, as a decoder has had it; its mode stays. */
static int open_to_forge(const char *segment)
{
	char path[128];
	path_of(segment, path);
	assert_return_code(chmod(path, 0600), errno);
	int fd = open(path, O_RDWR | O_CLOEXEC);
	assert_return_code(fd, errno);
	assert_return_code(chmod(path, 0400), errno);
	return fd;
}

static struct header read_header(const char *segment)
{
	struct header header;
	int fd = open_to_forge(segment);
	assert_int_equal(pread(fd, &header, sizeof(header), 0), sizeof(header));
	close(fd);
	return header;
}

static void write_header(const char *segment, const struct header *header)
{
	int fd = open_to_forge(segment);
	assert_int_equal(pwrite(fd, header, sizeof(*header), 0), sizeof(*header));
	close(fd);
}

/* Two images of this user: "a" is what is harmed, and "b" what stays. */
static void begin(struct world *world, char a[SEGMENT_NAME_SIZE])
{
	world_open(world, NULL);
	strcpy(a, world_make(world, &(struct recipe){"a", geteuid(), .state = 1})->segment);
	world_make(world, &(struct recipe){"b", geteuid(), .state = 2});
	leave(world);
}

/* The next daemon has "b" alone, and the segment of "a" is gone. */
static void expect_refused(struct world *world, const char *a, const char *what)
{
	take_over(world);
	if (find(world, "a") || !find(world, "b") || exists(a))
		fail_msg("%s: %s", what, find(world, "a") ? "adopted" : "something else is lost");
	assert_int_equal(world_segments(world), 1);
	world_close(world);
}

static void test_as_it_was(void **state)
{
	struct world world;
	char a[SEGMENT_NAME_SIZE], name[4001];
	(void)state;
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	world_open(&world, NULL);
	const struct rendition *old =
		world_make(&world, &(struct recipe){"a", geteuid(), .state = 1});
	world_make(&world, &(struct recipe){name, geteuid(), .state = 2});
	strcpy(a, old->segment);
	uint64_t number = old->generation->number;
	for (int i = 0; i < 3; i++) {
		leave(&world);
		take_over(&world);
		assert_string_equal(find(&world, "a")->segment, a);
		assert_true(find(&world, "a")->generation->number == number);
		assert_non_null(find(&world, name));
	}
	world_close(&world);
}

static struct header example(uint32_t name_length)
{
	struct header header = {
		.width = 16,
		.height = 16,
		.format = FORMAT_RGBA8,
		.orientation = 1,
		.name_length = name_length,
	};
	assert_int_equal(header_plan(&header, (uint64_t)sysconf(_SC_PAGESIZE)), 0);
	return header;
}

static void test_every_byte_counts(void **state)
{
	struct identity mine = {.id = "0123456789abcdef", .key = {1, 2, 3}};
	char name[4096] = "duck";
	(void)state;
	struct header header = example(4);
	seal_header(&mine, &header, "/shmimg-x-1", name);
	assert_null(header_check(&header, header.segment_size));
	assert_true(seal_is_good(&mine, &header, "/shmimg-x-1", name));
	unsigned char *bytes = (unsigned char *)&header;
	for (size_t i = 0; i < sizeof(header); i++) {
		if (i / sizeof(header.checksum) ==
			offsetof(struct header, checksum) / sizeof(header.checksum))
			continue; /* anybody can compute it */
		for (unsigned bit = 0; bit < 8; bit++) {
			bytes[i] ^= (unsigned char)(1u << bit);
			if (seal_is_good(&mine, &header, "/shmimg-x-1", name))
				fail_msg("bit %u of byte %zu", bit, i);
			bytes[i] ^= (unsigned char)(1u << bit);
		}
	}
	assert_true(seal_is_good(&mine, &header, "/shmimg-x-1", name));
}

static void test_key_segment_and_name_count(void **state)
{
	struct identity mine = {.id = "0123456789abcdef", .key = {1, 2, 3}};
	char name[4096];
	(void)state;
	memset(name, 'n', sizeof(name));
	struct header header = example(sizeof(name) - 1);
	assert_true(header.name_offset >= HEADER_SIZE);
	seal_header(&mine, &header, "/shmimg-x-1", name);
	assert_true(seal_is_good(&mine, &header, "/shmimg-x-1", name));
	assert_false(seal_is_good(&mine, &header, "/shmimg-x-2", name));
	for (size_t i = 0; i < sizeof(name) - 1; i++) {
		name[i] = 'm';
		assert_false(seal_is_good(&mine, &header, "/shmimg-x-1", name));
		name[i] = 'n';
	}
	for (size_t i = 0; i < SIPHASH_KEY_SIZE; i++) {
		mine.key[i] ^= 0x80;
		assert_false(seal_is_good(&mine, &header, "/shmimg-x-1", name));
		mine.key[i] ^= 0x80;
	}
	assert_true(seal_is_good(&mine, &header, "/shmimg-x-1", name));
}

#define FIELD(member)                                    \
	{                                                \
#member, offsetof(struct header, member) \
	}

/* Each field with another value that is plausible, and with a checksum that is right. */
static void test_forged_fields(void **state)
{
	static const struct {
		const char *name;
		size_t offset;
	} fields[] = {FIELD(colour), FIELD(orientation), FIELD(generation), FIELD(owner),
		FIELD(slot), FIELD(semaphore_id), FIELD(semaphore_index), FIELD(source.device),
		FIELD(source.inode), FIELD(source.size), FIELD(source.mtime_seconds),
		FIELD(source.ctime_seconds), FIELD(source.mtime_nanoseconds),
		FIELD(source.ctime_nanoseconds), FIELD(share), FIELD(group), FIELD(keep),
		FIELD(native), FIELD(type), FIELD(full_width), FIELD(full_height), FIELD(box_width),
		FIELD(box_height), FIELD(seal), FIELD(padding), FIELD(reserved), FIELD(name)};
	(void)state;
	for (size_t i = 0; i < COUNT(fields); i++) {
		struct world world;
		char a[SEGMENT_NAME_SIZE];
		begin(&world, a);
		struct header header = read_header(a);
		((unsigned char *)&header)[fields[i].offset] ^= 1;
		header_seal(&header);
		write_header(a, &header);
		expect_refused(&world, a, fields[i].name);
	}
}

/* A header can be read by all who may see the image; its copy proves nothing elsewhere. */
static void test_header_of_another_segment(void **state)
{
	struct world world;
	char a[SEGMENT_NAME_SIZE];
	(void)state;
	begin(&world, a);
	take_over(&world);
	struct header header = read_header(find(&world, "b")->segment);
	leave(&world);
	write_header(a, &header);
	expect_refused(&world, a, "copied");
}

static void test_another_key(void **state)
{
	struct world world;
	char a[SEGMENT_NAME_SIZE];
	(void)state;
	begin(&world, a);
	assert_int_equal(random_fill(world.identity.key, SIPHASH_KEY_SIZE), 0);
	take_over(&world);
	assert_int_equal(world.engine.store.image_count, 0);
	assert_int_equal(world_segments(&world), 0);
	world_close(&world);
}

static void grow(const char *path)
{
	assert_return_code(truncate(path, 1 << 20), errno);
}

static void shrink(const char *path)
{
	assert_return_code(truncate(path, 4096), errno);
}

static void make_writable(const char *path)
{
	assert_return_code(chmod(path, 0420), errno);
}

static void test_changed_files(void **state)
{
	static void (*const harms[])(const char *path) = {grow, shrink, make_writable};
	(void)state;
	for (size_t i = 0; i < COUNT(harms); i++) {
		struct world world;
		char a[SEGMENT_NAME_SIZE], path[128];
		begin(&world, a);
		path_of(a, path);
		harms[i](path);
		expect_refused(&world, a, "harmed");
	}
}

static void test_another_link(void **state)
{
	struct world world;
	char a[SEGMENT_NAME_SIZE], path[128], other[160];
	(void)state;
	begin(&world, a);
	path_of(a, path);
	snprintf(other, sizeof(other), SHM_FOLDER "/link-%d", getpid());
	assert_return_code(link(path, other), errno);
	take_over(&world);
	bool adopted = find(&world, "a");
	unlink(other);
	assert_false(adopted);
	assert_false(exists(a));
	world_close(&world);
}

/* Loses a board, and removes the sets that nobody else knows of. */
static void lose_board(const char *path)
{
	struct board_header header;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_return_code(fd, errno);
	assert_int_equal(pread(fd, &header, sizeof(header), 0), sizeof(header));
	close(fd);
	assert_return_code(unlink(path), errno);
	for (int i = 0; i < BOARD_SETS; i++) {
		if (header.set_keys[i])
			assert_int_equal(semaphore_remove_key(header.set_keys[i]), 0);
	}
}

/* Of every image, whether it is taken over or not. */
static void test_generations_go_on(void **state)
{
	struct world world;
	char a[SEGMENT_NAME_SIZE], path[128];
	(void)state;
	for (int lost = 0; lost < 3; lost++) {
		begin(&world, a);
		uint64_t last = read_header(a).generation + 1000000 * CLOCK_SECOND;
		/* The daemon had another clock, and loses its board, or one that is damaged. */
		struct header header = read_header(a);
		header.generation = last;
		header.seal = 0;
		seal_header(&world.identity, &header, a, "a");
		write_header(a, &header);
		snprintf(path, sizeof(path), SHM_FOLDER BOARD_NAME, world.identity.id);
		if (lost == 1)
			lose_board(path);
		else if (lost == 2)
			assert_return_code(truncate(path, 100), errno);
		take_over(&world);
		assert_null(find(&world, "a"));
		const struct rendition *next =
			world_make(&world, &(struct recipe){"a", geteuid(), .state = 3});
		assert_true(next->generation->number > last);
		world_close(&world);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_as_it_was),
		cmocka_unit_test(test_every_byte_counts),
		cmocka_unit_test(test_key_segment_and_name_count),
		cmocka_unit_test(test_forged_fields),
		cmocka_unit_test(test_header_of_another_segment),
		cmocka_unit_test(test_another_key),
		cmocka_unit_test(test_changed_files),
		cmocka_unit_test(test_another_link),
		cmocka_unit_test(test_generations_go_on),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
