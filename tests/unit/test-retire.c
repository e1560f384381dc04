/*
 * Tests of a board that the next daemon finds: one that is whole is taken over, all others are
 * retired with their semaphore sets, and no generation is given out twice.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sem.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/base/clock.h"
#include "daemon/base/random.h"
#include "daemon/segment/board.h"
#include "daemon/segment/remains.h"
#include "daemon/segment/semaphore.h"
#include "tests/unit/unit.h"

static char instance[17];
static struct board board;
static struct accounts accounts;
static struct semaphores semaphores;
static struct semaphore taken;

/* A board with an image in slot 0, and its semaphore. */
static int make_board(void **state)
{
	static const uint64_t limits[RESOURCE_COUNT] = {[RESOURCE_SETS] = 2};
	uint32_t slot;
	(void)state;
	assert_int_equal(random_hex(instance, 8), 0);
	assert_int_equal(board_open(&board, instance), 0);
	accounts_init(&accounts, limits);
	semaphores_init(&semaphores, &board, &accounts, false);
	assert_int_equal(
		semaphore_take(&semaphores, geteuid(), SHARE_PRIVATE, getegid(), &taken), 0);
	assert_int_equal(board_take_slot(&board, &slot), 0);
	board_show(&board, slot, board_new_generation(&board));
	return 0;
}

static int remove_board(void **state)
{
	(void)state;
	board_leave(&board);
	semaphores_destroy(&semaphores);
	board_destroy(&board);
	accounts_destroy(&accounts);
	return remains_remove(instance);
}

static bool set_exists(void)
{
	return semctl(taken.id, 0, GETVAL) >= 0;
}

static bool board_exists(void)
{
	struct stat status;
	char path[128];
	snprintf(path, sizeof(path), "/dev/shm" BOARD_NAME, instance);
	return lstat(path, &status) == 0;
}

static void expect_taken_over(void)
{
	struct board next;
	assert_int_equal(board_open(&next, instance), 1);
	board_leave(&next);
	board_destroy(&next);
}

static void test_whole(void **state)
{
	(void)state;
	uint64_t epoch = board.header->epoch;
	expect_taken_over();
	assert_true(board.header->epoch != epoch && board.header->epoch != 0);
	assert_true(set_exists());
}

static void change_magic(void)
{
	board.header->magic[3] ^= 1;
}

static void change_version(void)
{
	board.header->version++;
}

static void change_slot_offset(void)
{
	board.header->slot_offset += 8;
}

static void change_slot_count(void)
{
	board.header->slot_count--;
}

static void use_too_many_slots(void)
{
	board.header->slots_used = BOARD_SLOTS + 1;
}

/* There is no memory for their pages. */
static void use_missing_slots(void)
{
	board.header->slots_used = BOARD_SLOTS;
}

static void use_a_future_generation(void)
{
	board.slots[0] = board.header->next_generation;
}

static void begin_at_no_generation(void)
{
	board.header->next_generation = 0;
}

static void begin_beyond_all_generations(void)
{
	board.header->next_generation = BOARD_GENERATION_MAX + 1;
}

static void end_its_epoch(void)
{
	board.header->epoch = 0;
}

static void exhaust_its_epoch(void)
{
	board.header->epoch = UINT64_MAX;
}

static void list_a_key_twice(void)
{
	board.header->set_keys[BOARD_SETS - 1] = board.header->set_keys[0];
}

static void shrink(void)
{
	assert_return_code(ftruncate(board.fd, BOARD_SIZE - 4096), errno);
}

static void grow(void)
{
	assert_return_code(ftruncate(board.fd, BOARD_SIZE + 4096), errno);
}

static void make_writable(void)
{
	assert_return_code(fchmod(board.fd, 0666), errno);
}

static void (*const harms[])(void) = {change_magic, change_version, change_slot_offset,
	change_slot_count, use_too_many_slots, use_missing_slots, use_a_future_generation,
	begin_at_no_generation, begin_beyond_all_generations, end_its_epoch, exhaust_its_epoch,
	list_a_key_twice, shrink, grow, make_writable};

static void test_retired(void **state)
{
	for (size_t i = 0; i < COUNT(harms); i++) {
		struct board next;
		uint64_t generation;
		harms[i]();
		if (board_open(&next, instance) != -EBADMSG)
			fail_msg("harm %zu is believed", i);
		assert_true(board_exists() && set_exists());
		uint64_t expected = board.header->next_generation;
		assert_int_equal(remains_retire_board(instance, &generation), 0);
		assert_int_equal(generation, expected <= BOARD_GENERATION_MAX ? expected : 0);
		assert_int_equal(board.header->epoch, 0);
		if (board_exists() || set_exists())
			fail_msg("harm %zu leaves something", i);
		assert_int_equal(remains_retire_board(instance, &generation), 0);
		assert_int_equal(generation, 0);
		remove_board(state);
		make_board(state);
	}
}

/* What is left of a board that was cut off in its keys: the first set is in it. */
static void test_cut(void **state)
{
	uint64_t generation;
	struct board next;
	(void)state;
	/* Nobody has it mapped then: the end of the mapping is gone. */
	board_leave(&board);
	assert_return_code(ftruncate(board.fd, 100), errno);
	assert_int_equal(board_open(&next, instance), -EBADMSG);
	assert_int_equal(remains_retire_board(instance, &generation), 0);
	assert_false(board_exists());
	assert_false(set_exists());
}

static void test_noise(void **state)
{
	static unsigned char noise[BOARD_SLOT_OFFSET];
	uint64_t generation;
	struct board next;
	(void)state;
	assert_int_equal(random_fill(noise, sizeof(noise)), 0);
	int fd = dup(board.fd);
	assert_return_code(pwrite(fd, noise, sizeof(noise), 0), errno);
	close(fd);
	assert_int_equal(board_open(&next, instance), -EBADMSG);
	assert_int_equal(remains_retire_board(instance, &generation), 0);
	assert_false(board_exists());
	assert_return_code(semctl(taken.id, 0, IPC_RMID), errno); /* its key was lost */
}

/* Sets with a key that is in the board, but which no daemon of this user made. */
static void test_sets_of_others(void **state)
{
	uint64_t generation;
	(void)state;
	int32_t key = 0;
	assert_int_equal(random_fill(&key, sizeof(key)), 0);
	int id = semget(key, 3, IPC_CREAT | IPC_EXCL | 0600);
	assert_return_code(id, errno);
	board.header->set_keys[7] = key;
	change_version();
	assert_int_equal(remains_retire_board(instance, &generation), 0);
	bool is_there = semctl(id, 0, GETVAL) >= 0;
	semctl(id, 0, IPC_RMID);
	assert_true(is_there);
	assert_false(set_exists());
}

static void test_not_a_file(void **state)
{
	uint64_t generation;
	struct board next;
	char path[128];
	snprintf(path, sizeof(path), "/dev/shm" BOARD_NAME, instance);
	remove_board(state);
	assert_return_code(mkfifo(path, 0600), errno);
	assert_int_equal(board_open(&next, instance), -EBADMSG);
	assert_int_equal(remains_retire_board(instance, &generation), 0);
	assert_false(board_exists());
	make_board(state);
}

static void test_generations(void **state)
{
	struct board next;
	uint64_t now = clock_date_usec();
	(void)state;
	assert_true(now > 1);
	/* A new board begins at the clock. */
	assert_in_range(board.header->next_generation, now - 60 * CLOCK_SECOND, now);
	/* One that is behind, as those of older versions are, comes to it. */
	board.slots[0] = 5;
	board.header->next_generation = 6;
	assert_int_equal(board_open(&next, instance), 1);
	assert_true(board_new_generation(&next) >= now);
	/* One that is ahead, because the clock went back, goes on from where it is. */
	uint64_t ahead = now + 1000000 * CLOCK_SECOND;
	next.header->next_generation = ahead;
	board_leave(&next);
	board_destroy(&next);
	assert_int_equal(board_open(&next, instance), 1);
	assert_int_equal(board_new_generation(&next), ahead);
	/* And it never goes back, nor beyond what is exact in JSON. */
	board_raise_generation(&next, 1);
	board_raise_generation(&next, BOARD_GENERATION_MAX);
	board_raise_generation(&next, UINT64_MAX);
	assert_int_equal(board_new_generation(&next), ahead + 1);
	board_raise_generation(&next, ahead + 5);
	assert_int_equal(board_new_generation(&next), ahead + 5);
	board_leave(&next);
	board_destroy(&next);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_board, remove_board)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_whole),
		TEST(test_retired),
		TEST(test_cut),
		TEST(test_noise),
		TEST(test_sets_of_others),
		TEST(test_not_a_file),
		TEST(test_generations),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
