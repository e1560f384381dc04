/*
 * Tests of semaphore sets, and of the board: keys, slots, generations, and its takeover.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
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

enum { LIMIT = 8 }; /* sets of a user: from half of them on, images share sets */

static struct board board;
static struct accounts accounts;
static struct semaphores semaphores;
static uint64_t limits[RESOURCE_COUNT];

static int open_board(void **state)
{
	char instance[17];
	(void)state;
	assert_int_equal(random_hex(instance, 8), 0);
	assert_int_equal(board_open(&board, instance), 0);
	limits[RESOURCE_SETS] = LIMIT;
	accounts_init(&accounts, limits);
	semaphores_init(&semaphores, &board, &accounts, false);
	return 0;
}

static int close_board(void **state)
{
	(void)state;
	semaphores_destroy(&semaphores);
	assert_int_equal(count_sets(board.header), 0);
	for (int i = 0; i < BOARD_SETS; i++)
		assert_int_equal(board.header->set_keys[i], 0);
	accounts_destroy(&accounts);
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

/* Until half of its owner's limit is reached, an image has a set of its own. */
static void test_sets_of_their_own(void **state)
{
	struct semaphore taken[LIMIT / 2];
	(void)state;
	for (size_t i = 0; i < COUNT(taken); i++) {
		taken[i] = take(5, SHARE_PRIVATE, 5);
		assert_int_equal(taken[i].index, 0);
		assert_int_equal(semctl(taken[i].id, 0, GETVAL), 1);
		assert_int_equal(status_of(taken[i].id).sem_nsems, 1);
	}
	assert_int_equal(count_sets(board.header), COUNT(taken));
	assert_int_equal(accounts_used(&accounts, 5, RESOURCE_SETS), COUNT(taken));
	int id = taken[0].id;
	semaphore_drop(&semaphores, &taken[0]);
	assert_false(exists(id));
	assert_int_equal(accounts_used(&accounts, 5, RESOURCE_SETS), COUNT(taken) - 1);
	for (size_t i = 0; i < COUNT(taken); i++)
		semaphore_put(&semaphores, &taken[i]); /* the first one is given back already */
	assert_int_equal(count_sets(board.header), 0);
}

/* Takes the sets of their own that a user may have. */
static void take_own(uid_t owner, struct semaphore own[LIMIT / 2])
{
	for (int i = 0; i < LIMIT / 2; i++)
		own[i] = take(owner, SHARE_PRIVATE, owner);
}

static void put_all(struct semaphore *taken, size_t count)
{
	for (size_t i = 0; i < count; i++)
		semaphore_put(&semaphores, &taken[i]);
}

/* Above half of the limit, images share sets, and the limit holds. */
static void test_shared_sets(void **state)
{
	enum { SHARED = LIMIT / 2 * SEMAPHORE_SET_SIZE };
	static struct semaphore taken[SHARED];
	struct semaphore own[LIMIT / 2], more;
	bool seen[SEMAPHORE_SET_SIZE] = {false};
	(void)state;
	take_own(5, own);
	for (size_t i = 0; i < SHARED; i++)
		taken[i] = take(5, SHARE_PRIVATE, 5);
	for (size_t i = 0; i < SEMAPHORE_SET_SIZE; i++) {
		assert_int_equal(taken[i].id, taken[0].id);
		assert_true(taken[i].index < SEMAPHORE_SET_SIZE && !seen[taken[i].index]);
		seen[taken[i].index] = true;
		assert_int_equal(semctl(taken[i].id, (int)taken[i].index, GETVAL), 1);
	}
	assert_int_not_equal(taken[SEMAPHORE_SET_SIZE].id, taken[0].id);
	assert_int_equal(status_of(taken[0].id).sem_nsems, SEMAPHORE_SET_SIZE);
	assert_int_equal(count_sets(board.header), LIMIT);
	assert_int_equal(semaphore_take(&semaphores, 5, SHARE_PRIVATE, 5, &more), -EUSERS);
	assert_int_equal(count_sets(board.header), LIMIT);
	more = take(6, SHARE_PRIVATE, 6); /* another user's limit is another one */
	semaphore_put(&semaphores, &more);

	semaphore_drop(&semaphores, &taken[77]); /* its set serves others */
	assert_true(exists(taken[77].id));
	semaphore_put(&semaphores, &taken[77]);
	taken[77] = take(5, SHARE_PRIVATE, 5);
	put_all(taken, SHARED);
	put_all(own, COUNT(own));
}

static bool try_lock(const struct semaphore *semaphore)
{
	struct sembuf lock = {(unsigned short)semaphore->index, -1, IPC_NOWAIT};
	return semop(semaphore->id, &lock, 1) == 0;
}

/* A semaphore that a process holds is not given to another image, however many are taken. */
static void test_held_one_is_not_reused(void **state)
{
	struct semaphore own[LIMIT / 2], first, held, again[SEMAPHORE_SET_SIZE - 2];
	uid_t self = geteuid();
	(void)state;
	take_own(self, own);
	first = take(self, SHARE_PRIVATE, self);
	held = take(self, SHARE_PRIVATE, self);
	unsigned index = held.index;
	assert_int_equal(held.id, first.id);
	assert_true(try_lock(&held));
	semaphore_put(&semaphores, &held);
	for (size_t i = 0; i < COUNT(again); i++) {
		again[i] = take(self, SHARE_PRIVATE, self);
		assert_int_equal(again[i].id, first.id);
		assert_int_not_equal(again[i].index, index);
	}
	assert_int_equal(semctl(first.id, (int)index, GETVAL), 0);
	held = take(self, SHARE_PRIVATE, self);
	assert_int_not_equal(held.id, first.id);
	semaphore_put(&semaphores, &held);
	assert_int_equal(
		semctl(first.id, (int)index, SETVAL, (union semctl_argument){.value = 1}), 0);
	held = take(self, SHARE_PRIVATE, self);
	assert_int_equal(held.id, first.id);
	assert_int_equal(held.index, index);
	semaphore_put(&semaphores, &held);
	put_all(again, COUNT(again));
	semaphore_put(&semaphores, &first);
	put_all(own, COUNT(own));
}

/* A user that removes its sets gets others in their place, and nobody else pays for it. */
static void test_removed_sets_are_replaced(void **state)
{
	enum { ROUNDS = 5 * LIMIT };
	struct semaphore taken[ROUNDS], other;
	(void)state;
	for (int i = 0; i < ROUNDS; i++) {
		taken[i] = take(5, SHARE_PRIVATE, 5);
		assert_return_code(semctl(taken[i].id, 0, IPC_RMID), errno);
		assert_in_range(count_sets(board.header), 1, LIMIT);
		assert_in_range(accounts_used(&accounts, 5, RESOURCE_SETS), 1, LIMIT);
	}
	other = take(6, SHARE_PRIVATE, 6);
	semaphore_put(&semaphores, &other);
	put_all(taken, ROUNDS);
}

/* Makes the kernel give the next set this id: sysctl kernel.sem_next_id of proc(5). */
static int make_set_with_id(int id)
{
	char text[32];
	int length = snprintf(text, sizeof(text), "%d", id);
	int fd = open("/proc/sys/kernel/sem_next_id", O_WRONLY);
	assert_return_code(fd, errno);
	assert_int_equal(write(fd, text, (size_t)length), length);
	close(fd);
	return semget(IPC_PRIVATE, 1, 0600);
}

/* The kernel gave the id of a removed set to a set of somebody else: the daemon lets it be. */
static void test_foreign_set_with_the_same_id(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip(); /* only root may choose an id */
	struct semaphore semaphore = take(5, SHARE_PRIVATE, 5);
	assert_return_code(semctl(semaphore.id, 0, IPC_RMID), errno);
	assert_int_equal(make_set_with_id(semaphore.id), semaphore.id);
	int id = semaphore.id;
	semaphore_put(&semaphores, &semaphore);
	bool left_alone = exists(id);
	semctl(id, 0, IPC_RMID);
	assert_true(left_alone);
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
	struct semaphore taken[COUNT(cases)];
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
	}
	assert_int_equal(count_sets(board.header), COUNT(cases));
	put_all(taken, COUNT(taken));
}

/* Whoever shares with a group gives nothing to the group of the daemon. */
static void test_creator_has_the_groups_rights_only(void **state)
{
	int status;
	(void)state;
	if (geteuid() != 0)
		skip(); /* only root may become another user */
	struct semaphore semaphore = take(5, SHARE_GROUP, 50);
	assert_int_equal(status_of(semaphore.id).sem_perm.cgid, 50);
	assert_int_equal(getegid(), 0);
	semaphore_put(&semaphores, &semaphore);
	pid_t pid = fork();
	if (pid == 0) {
		bool good = setgroups(0, NULL) == 0 && setgid(60) == 0 && setuid(60) == 0;
		good = good && semaphore_take(&semaphores, 60, SHARE_GROUP, 50, &semaphore) == 0;
		unsigned mode = good ? status_of(semaphore.id).sem_perm.mode & 0777 : 0;
		if (good)
			semaphore_put(&semaphores, &semaphore);
		semaphores.private_group = true;
		good = good && semaphore_take(&semaphores, 60, SHARE_GROUP, 50, &semaphore) == 0;
		unsigned wide = good ? status_of(semaphore.id).sem_perm.mode & 0777 : 0;
		if (good)
			semaphore_put(&semaphores, &semaphore);
		_exit(!good || mode != 0600 || wide != 0660);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
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

/* A process that waits for a semaphore, or fails to. */
static pid_t wait_for(const struct semaphore *semaphore, int expected)
{
	pid_t pid = fork();
	if (pid == 0) {
		struct sembuf lock = {(unsigned short)semaphore->index, -1, SEM_UNDO};
		int r = semop(semaphore->id, &lock, 1) < 0 ? errno : 0;
		_exit(r != expected);
	}
	return pid;
}

static void test_stat(void **state)
{
	pid_t holder;
	unsigned waiters;
	(void)state;
	struct semaphore semaphore = take(geteuid(), SHARE_PRIVATE, getegid());
	semaphore_stat(&semaphore, &holder, &waiters);
	assert_int_equal(holder, -1);
	assert_true(try_lock(&semaphore));
	semaphore_stat(&semaphore, &holder, &waiters);
	assert_int_equal(holder, getpid());
	assert_int_equal(waiters, 0);
	semaphore_put(&semaphores, &semaphore);
}

/* The image is dropped: who waits for its lock gets EIDRM. */
static void test_waiters_of_a_dropped_image(void **state)
{
	int status;
	pid_t holder, waiting[3];
	unsigned waiters = 0;
	(void)state;
	struct semaphore semaphore = take(geteuid(), SHARE_PRIVATE, getegid());
	assert_true(try_lock(&semaphore));
	for (size_t i = 0; i < COUNT(waiting); i++)
		waiting[i] = wait_for(&semaphore, EIDRM);
	while (waiters < COUNT(waiting))
		semaphore_stat(&semaphore, &holder, &waiters);
	semaphore_drop(&semaphores, &semaphore);
	for (size_t i = 0; i < COUNT(waiting); i++) {
		assert_int_equal(waitpid(waiting[i], &status, 0), waiting[i]);
		assert_int_equal(status, 0);
	}
	semaphore_put(&semaphores, &semaphore);
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
	assert_true(board_new_generation(&second) > generation);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(board_take_slot(&second, &slot), 0);
		assert_int_not_equal(slot, slots[1]);
		assert_in_range(slot, 0, 2);
	}
	assert_int_equal(board_take_slot(&second, &slot), 0);
	assert_int_equal(slot, 3);
	board_destroy(&second);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_board, close_board)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_sets_of_their_own),
		TEST(test_shared_sets),
		TEST(test_held_one_is_not_reused),
		TEST(test_removed_sets_are_replaced),
		TEST(test_foreign_set_with_the_same_id),
		TEST(test_permissions),
		TEST(test_creator_has_the_groups_rights_only),
		TEST(test_key_is_on_the_board),
		TEST(test_stat),
		TEST(test_waiters_of_a_dropped_image),
		TEST(test_remove_key),
		TEST(test_remove_key_of_another_user),
		TEST(test_board_is_taken_over),
		TEST(test_slots),
		TEST(test_generations),
		TEST(test_keys),
		TEST(test_board_for_readers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
