/*
 * Tests of semaphore sets, and of the board: keys, slots, generations, and its takeover.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sem.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/base/random.h"
#include "daemon/segment/board.h"
#include "daemon/segment/semaphore.h"
#include "tests/unit/sets.h"
#include "tests/unit/unit.h"

union semctl_argument {
	int value;
	struct semid_ds *status;
};

static struct board board;
static struct semaphores semaphores;

static int open_board(void **state)
{
	char instance[17];
	(void)state;
	assert_int_equal(random_hex(instance, 8), 0);
	assert_int_equal(board_open(&board, instance), 0);
	semaphores_init(&semaphores, &board);
	return 0;
}

static int close_board(void **state)
{
	(void)state;
	semaphores_destroy(&semaphores);
	assert_int_equal(count_sets(board.header), 0);
	for (int i = 0; i < BOARD_SETS; i++)
		assert_int_equal(board.header->set_keys[i], 0);
	board_destroy(&board);
	return 0;
}

static struct semaphore take(uid_t owner, enum share share, gid_t group)
{
	struct semaphore semaphore;
	assert_int_equal(semaphore_take(&semaphores, owner, share, group, &semaphore), 0);
	return semaphore;
}

static struct semid_ds status_of(int id)
{
	struct semid_ds status;
	assert_return_code(
		semctl(id, 0, IPC_STAT, (union semctl_argument){.status = &status}), errno);
	return status;
}

static bool exists(int id)
{
	struct semid_ds status;
	return semctl(id, 0, IPC_STAT, (union semctl_argument){.status = &status}) >= 0;
}

static void test_two_sets(void **state)
{
	struct semaphore taken[SEMAPHORE_SET_SIZE + 1];
	bool seen[SEMAPHORE_SET_SIZE] = {false};
	(void)state;
	for (size_t i = 0; i < COUNT(taken); i++)
		taken[i] = take(5, SHARE_PRIVATE, 5);
	for (size_t i = 0; i < SEMAPHORE_SET_SIZE; i++) {
		assert_int_equal(taken[i].id, taken[0].id);
		assert_true(taken[i].index < SEMAPHORE_SET_SIZE && !seen[taken[i].index]);
		seen[taken[i].index] = true;
		assert_int_equal(semctl(taken[i].id, (int)taken[i].index, GETVAL), 1);
	}
	assert_int_not_equal(taken[SEMAPHORE_SET_SIZE].id, taken[0].id);
	assert_int_equal(count_sets(board.header), 2);
	assert_int_equal(status_of(taken[0].id).sem_nsems, SEMAPHORE_SET_SIZE);

	semaphore_put(&semaphores, &taken[SEMAPHORE_SET_SIZE]);
	assert_false(exists(taken[SEMAPHORE_SET_SIZE].id));
	assert_int_equal(count_sets(board.header), 1);
	unsigned index = taken[77].index;
	semaphore_put(&semaphores, &taken[77]);
	taken[77] = take(5, SHARE_PRIVATE, 5);
	assert_int_equal(taken[77].id, taken[0].id);
	assert_int_equal(taken[77].index, index);
	for (size_t i = 0; i < SEMAPHORE_SET_SIZE; i++) {
		assert_true(exists(taken[0].id));
		semaphore_put(&semaphores, &taken[i]);
	}
	assert_false(exists(taken[0].id));
}

static void test_permissions(void **state)
{
	static const struct {
		uid_t owner;
		enum share share;
		gid_t group;
		unsigned mode;
	} cases[] = {
		{5, SHARE_PRIVATE, 50, 0600},
		{5, SHARE_GROUP, 50, 0660},
		{5, SHARE_ALL, 50, 0666},
		{6, SHARE_PRIVATE, 50, 0600},
		{5, SHARE_GROUP, 51, 0660},
	};
	struct semaphore taken[COUNT(cases)], again;
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		taken[i] = take(cases[i].owner, cases[i].share, cases[i].group);
		struct semid_ds status = status_of(taken[i].id);
		assert_int_equal(status.sem_perm.mode & 0777, cases[i].mode);
		assert_int_equal(status.sem_perm.uid, cases[i].owner);
		assert_int_equal(status.sem_perm.gid, cases[i].group);
		assert_int_equal(status.sem_perm.cuid, geteuid());
		for (size_t k = 0; k < i; k++)
			assert_int_not_equal(taken[i].id, taken[k].id);
		again = take(cases[i].owner, cases[i].share, cases[i].group);
		assert_int_equal(again.id, taken[i].id);
	}
	assert_int_equal(count_sets(board.header), COUNT(cases));
}

static void test_key_is_on_the_board(void **state)
{
	(void)state;
	struct semaphore semaphore = take(5, SHARE_PRIVATE, 5);
	int found = 0;
	for (int i = 0; i < BOARD_SETS; i++) {
		if (board.header->set_keys[i])
			found += semget(board.header->set_keys[i], 0, 0) == semaphore.id;
	}
	assert_int_equal(found, 1);
	semaphore_put(&semaphores, &semaphore);
	assert_int_equal(count_sets(board.header), 0);
}

/* A process dies while it holds a semaphore, before or after the semaphore gets a next image. */
static void test_value_is_one_again(void **state)
{
	pid_t holder;
	unsigned waiters;
	int ready[2], end[2];
	char byte;
	(void)state;
	struct semaphore semaphore = take(geteuid(), SHARE_PRIVATE, getegid()), other;
	other = take(geteuid(), SHARE_PRIVATE, getegid());
	unsigned index = semaphore.index;
	assert_true(pipe(ready) == 0 && pipe(end) == 0);
	semaphore_stat(&semaphore, &holder, &waiters);
	assert_int_equal(holder, -1);
	pid_t pid = fork();
	if (pid == 0) {
		struct sembuf lock = {(unsigned short)index, -1, SEM_UNDO};
		close(end[1]);
		_exit(semop(semaphore.id, &lock, 1) < 0 || write(ready[1], "", 1) != 1 ||
			read(end[0], &byte, 1) != 0);
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	semaphore_stat(&semaphore, &holder, &waiters);
	assert_int_equal(holder, pid);
	assert_int_equal(waiters, 0);
	semaphore_put(&semaphores, &semaphore);
	semaphore = take(geteuid(), SHARE_PRIVATE, getegid());
	assert_int_equal(semaphore.index, index);
	assert_int_equal(semctl(semaphore.id, (int)index, GETVAL), 1);
	close(end[1]);
	assert_int_equal(waitpid(pid, &(int){0}, 0), pid);
	assert_int_equal(semctl(semaphore.id, (int)index, GETVAL), 1);
	semaphore_put(&semaphores, &semaphore);
	semaphore_put(&semaphores, &other);
	close(ready[0]);
	close(ready[1]);
	close(end[0]);
}

static int make_key(void)
{
	int key;
	assert_int_equal(random_fill(&key, sizeof(key)), 0);
	return key ? key : 1;
}

static void test_remove_key(void **state)
{
	(void)state;
	int key = make_key();
	assert_int_equal(semaphore_remove_key(key), 0); /* there is none */
	int id = semget(key, SEMAPHORE_SET_SIZE, IPC_CREAT | IPC_EXCL | 0600);
	assert_return_code(id, errno);
	assert_int_equal(semaphore_remove_key(key), 0);
	assert_false(exists(id));
	id = semget(key, SEMAPHORE_SET_SIZE - 1, IPC_CREAT | IPC_EXCL | 0600);
	assert_return_code(id, errno);
	assert_int_equal(semaphore_remove_key(key), 0);
	assert_true(exists(id));
	semctl(id, 0, IPC_RMID);
}

static void test_remove_key_of_another_user(void **state)
{
	int status;
	(void)state;
	if (geteuid() != 0)
		skip();
	int key = make_key();
	pid_t pid = fork();
	if (pid == 0)
		_exit(setuid(65534) < 0 ||
			semget(key, SEMAPHORE_SET_SIZE, IPC_CREAT | IPC_EXCL | 0666) < 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	int id = semget(key, 0, 0);
	assert_return_code(id, errno);
	assert_int_equal(semaphore_remove_key(key), 0);
	assert_true(exists(id));
	semctl(id, 0, IPC_RMID);
}

static void test_slots(void **state)
{
	enum { SLOTS = 1500 }; /* two pages, and several sizes of the list of free slots */
	static uint32_t slots[SLOTS];
	static bool seen[SLOTS];
	(void)state;
	memset(seen, 0, sizeof(seen));
	for (uint32_t i = 0; i < SLOTS; i++) {
		assert_int_equal(board_take_slot(&board, &slots[i]), 0);
		assert_true(slots[i] < SLOTS && !seen[slots[i]]);
		seen[slots[i]] = true;
		assert_int_equal(board.slots[slots[i]], 0);
		board_show(&board, slots[i], i + 1);
		assert_int_equal(board.slots[slots[i]], i + 1);
	}
	for (uint32_t i = 0; i < SLOTS; i++) {
		board_put_slot(&board, slots[i]);
		assert_int_equal(board.slots[slots[i]], 0);
	}
	memset(seen, 0, sizeof(seen));
	for (uint32_t i = 0; i < SLOTS; i++) {
		assert_int_equal(board_take_slot(&board, &slots[i]), 0);
		assert_true(slots[i] < SLOTS && !seen[slots[i]]);
		seen[slots[i]] = true;
	}
	for (uint32_t i = 0; i < SLOTS; i++)
		board_put_slot(&board, slots[i]);
}

static void test_generations(void **state)
{
	(void)state;
	uint64_t last = 0;
	for (int i = 0; i < 100; i++) {
		uint64_t number = board_new_generation(&board);
		assert_true(number > last);
		last = number;
	}
	assert_int_equal(board.header->next_generation, last + 1);
}

static void test_keys(void **state)
{
	(void)state;
	for (int i = 0; i < BOARD_SETS; i++)
		assert_int_equal(board_add_key(&board, i + 1), i);
	assert_int_equal(board_add_key(&board, 9999), -ENOSPC);
	assert_int_equal(count_sets(board.header), BOARD_SETS);
	board_remove_key(&board, 17);
	assert_int_equal(board_add_key(&board, 9999), 17);
	for (int i = 0; i < BOARD_SETS; i++)
		board_remove_key(&board, i);
}

static void test_board_for_readers(void **state)
{
	struct stat status;
	struct board_header header;
	(void)state;
	int fd = shm_open(board.name, O_RDONLY, 0);
	assert_return_code(fd, errno);
	assert_return_code(fstat(fd, &status), errno);
	assert_int_equal(status.st_mode & 07777, 0644);
	assert_int_equal(status.st_size, BOARD_SIZE);
	assert_int_equal(pread(fd, &header, sizeof(header), 0), sizeof(header));
	assert_memory_equal(header.magic, BOARD_MAGIC, 8);
	assert_int_equal(header.version, BOARD_VERSION);
	assert_int_equal(header.slot_offset, BOARD_SLOT_OFFSET);
	assert_int_equal(header.slot_count, BOARD_SLOTS);
	close(fd);
}

/* The next daemon finds slots and generations, and which slots are free. */
static void test_board_is_taken_over(void **state)
{
	struct board second;
	uint32_t slots[3], slot;
	(void)state;
	for (int i = 0; i < 3; i++)
		assert_int_equal(board_take_slot(&board, &slots[i]), 0);
	board_show(&board, slots[1], 77);
	uint64_t generation = board_new_generation(&board);
	char instance[17] = "";
	memcpy(instance, board.name + strlen("/shmimg-"), 16);
	assert_int_equal(board_open(&second, instance), 1);
	board_adopt(&second, (bool[]){false, true, false});
	assert_int_equal(second.slots[slots[1]], 77);
	assert_int_equal(board_new_generation(&second), generation + 1);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(board_take_slot(&second, &slot), 0);
		assert_int_not_equal(slot, slots[1]);
		assert_in_range(slot, 0, 2);
	}
	assert_int_equal(board_take_slot(&second, &slot), 0);
	assert_int_equal(slot, 3);
	board_destroy(&second);
}

/* A file that is not a valid board is replaced. */
static void test_invalid_board(void **state)
{
	struct board other;
	char name[64], instance[17];
	(void)state;
	assert_int_equal(random_hex(instance, 8), 0);
	snprintf(name, sizeof(name), "/shmimg-%s-board", instance);
	int fd = shm_open(name, O_RDWR | O_CREAT | O_EXCL, 0644);
	assert_return_code(fd, errno);
	assert_return_code(ftruncate(fd, BOARD_SIZE), errno);
	close(fd);
	assert_int_equal(board_open(&other, instance), 0);
	assert_int_equal(other.header->slots_used, 0);
	board_destroy(&other);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_board, close_board)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_two_sets),
		TEST(test_permissions),
		TEST(test_key_is_on_the_board),
		TEST(test_value_is_one_again),
		TEST(test_remove_key),
		TEST(test_remove_key_of_another_user),
		TEST(test_board_is_taken_over),
		TEST(test_invalid_board),
		TEST(test_slots),
		TEST(test_generations),
		TEST(test_keys),
		TEST(test_board_for_readers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
