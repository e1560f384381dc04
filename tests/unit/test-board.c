/*
 * The board as a client reads it: what is believed, and what is not.
 */
#include "client/lib/board.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/unit.h"

enum { SLOTS = 16, SIZE = BOARD_SLOT_OFFSET + SLOTS * 8 };

static char name[64];
static int fd;
static struct {
	struct board_header header;
	char fill[BOARD_SLOT_OFFSET - sizeof(struct board_header)];
	uint64_t slots[SLOTS];
} board;

static void write_board(size_t size)
{
	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(pwrite(fd, &board, size, 0), (ssize_t)size);
}

static int set_up(void **state)
{
	(void)state;
	memset(&board, 0, sizeof(board));
	memcpy(board.header.magic, BOARD_MAGIC, sizeof(board.header.magic));
	board.header.version = BOARD_VERSION;
	board.header.slot_offset = BOARD_SLOT_OFFSET;
	board.header.slot_count = SLOTS;
	board.header.epoch = 3;
	board.slots[5] = 77;
	snprintf(name, sizeof(name), "/shmimg-test-board-%d", getpid());
	fd = shm_open(name, O_RDWR | O_CREAT | O_EXCL, 0644);
	assert_true(fd >= 0);
	write_board(SIZE);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	close(fd);
	return shm_unlink(name);
}

static struct makers ours(void)
{
	return (struct makers){.peer = geteuid(), .reported = geteuid()};
}

static bool open_view(struct board_view *view, const char *path, const struct makers *makers)
{
	int found = board_view_find(path);
	bool same = board_view_open(view, found, makers);
	if (found >= 0)
		close(found);
	return same;
}

/* Whether it is believed. */
static bool opens(void)
{
	struct board_view view = {0};
	struct makers makers = ours();
	assert_false(open_view(&view, name, &makers));
	bool is_there = view.header;
	board_view_close(&view);
	assert_null(view.header);
	return is_there;
}

static void a_slot_shows_its_generation(void **state)
{
	struct board_view view = {0};
	struct makers makers = ours();
	(void)state;
	assert_false(open_view(&view, name, &makers));
	assert_true(board_view_shows(&view, 5, 77));
	assert_false(board_view_shows(&view, 5, 76));
	assert_false(board_view_shows(&view, 4, 77));
	assert_false(board_view_shows(&view, SLOTS, 0));
	assert_false(board_view_shows(&view, UINT32_MAX, 0));
	board_view_close(&view);
	assert_false(board_view_shows(&view, 5, 77));
}

static void another_epoch_ends_it_until_the_next_connection(void **state)
{
	struct board_view view = {0};
	struct makers makers = ours();
	(void)state;
	open_view(&view, name, &makers);
	board.header.epoch = 4;
	assert_true(pwrite(fd, &board, SIZE, 0) == SIZE);
	assert_false(board_view_shows(&view, 5, 77));
	assert_true(open_view(&view, name, &makers));
	assert_true(board_view_shows(&view, 5, 77));
	board_view_close(&view);
}

static void another_board_is_another(void **state)
{
	struct board_view view = {0};
	struct makers makers = ours();
	(void)state;
	open_view(&view, name, &makers);
	tear_down(state);
	set_up(state);
	assert_false(open_view(&view, name, &makers));
	assert_true(board_view_shows(&view, 5, 77));
	assert_false(open_view(&view, "/shmimg-test-none", &makers));
	assert_null(view.header);
}

static void what_is_no_board_is_not_believed(void **state)
{
	(void)state;
	struct board_header good = board.header;
	assert_true(opens());
	board.header.magic[0] = 'X';
	write_board(SIZE);
	assert_false(opens());
	board.header = good;
	board.header.version = 2;
	write_board(SIZE);
	assert_false(opens());
}

static void slots_outside_it_are_not_believed(void **state)
{
	static const uint32_t bad[][2] = {{BOARD_SLOT_OFFSET, SLOTS + 1}, {SIZE + 8, 0},
		{UINT32_MAX - 7, 1}, {BOARD_SLOT_OFFSET + 4, 1}, {8, 1},
		{BOARD_SLOT_OFFSET, UINT32_MAX}};
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		board.header.slot_offset = bad[i][0];
		board.header.slot_count = bad[i][1];
		write_board(SIZE);
		assert_false(opens());
	}
	write_board(sizeof(struct board_header) - 1);
	assert_false(opens());
}

static void what_others_can_write_is_not_believed(void **state)
{
	struct board_view view = {0};
	struct makers makers = {.peer = geteuid() + 1, .reported = geteuid()};
	(void)state;
	assert_int_equal(fchmod(fd, 0664), 0);
	assert_false(opens());
	assert_int_equal(fchmod(fd, 0646), 0);
	assert_false(opens());
	assert_int_equal(fchmod(fd, 0644), 0);
	assert_true(opens());
	open_view(&view, name, &makers);
	assert_null(view.header);
	makers.peer = 0; /* systemd listens; the daemon says who it is */
	open_view(&view, name, &makers);
	assert_non_null(view.header);
	board_view_close(&view);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(a_slot_shows_its_generation),
		TEST(another_epoch_ends_it_until_the_next_connection),
		TEST(another_board_is_another),
		TEST(what_is_no_board_is_not_believed),
		TEST(slots_outside_it_are_not_believed),
		TEST(what_others_can_write_is_not_believed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
