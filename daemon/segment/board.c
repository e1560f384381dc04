/*
 * The board outlives a crash of its daemon, and the next daemon of the instance takes it over. So
 * it is valid at any moment: a new board gets its magic number last, a slot is marked as used
 * before it holds a generation, and the epoch tells clients that a daemon has ended (0) or another
 * one has begun. Pages of slots are reserved when the first slot of a page is given out. A board is
 * checked as a whole before it is taken over, because it may be damaged or from another version.
 */
#include "daemon/segment/board.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/base/cleanup.h"
#include "daemon/base/clock.h"
#include "daemon/base/tiny.h"
#include "daemon/segment/shm-folder.h"

enum {
	BOARD_MODE = 0644,
	SLOTS_MAX = TINY(BOARD_SLOTS, 24), /* that are given out */
	SETS_MAX = TINY(BOARD_SETS, 4),
};

/* Creates the file with all zeros: the header's pages are reserved, the slots are sparse. */
static int board_create_file(struct board *board)
{
	OWN_FD int fd = shm_open(board->name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, BOARD_MODE);
	if (fd < 0)
		return -errno;
	if (fchmod(fd, BOARD_MODE) == 0 && ftruncate(fd, BOARD_SIZE) == 0 &&
		fallocate(fd, 0, 0, BOARD_SLOT_OFFSET) == 0)
		return take_fd(&fd);
	int r = -errno;
	shm_unlink(board->name);
	return r;
}

/* Opens the board of an earlier daemon. Returns -EBADMSG for another kind of file of this user. */
static int board_open_file(struct board *board)
{
	struct stat status;
	OWN_FD int fd = shm_folder_open(board->name, O_RDWR, &status);
	if (fd < 0)
		return fd == -EPERM ? -EEXIST : fd;
	if ((status.st_mode & 0777) != BOARD_MODE || status.st_nlink != 1 ||
		status.st_size != BOARD_SIZE)
		return -EBADMSG;
	return take_fd(&fd);
}

static int board_map(struct board *board)
{
	void *memory = mmap(NULL, BOARD_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, board->fd, 0);
	if (memory == MAP_FAILED)
		return -errno;
	board->header = memory;
	board->slots = (uint64_t *)(void *)((char *)memory + BOARD_SLOT_OFFSET);
	board->keeps = (uint8_t *)memory + BOARD_KEEP_OFFSET;
	return 0;
}

static int board_compare_keys(const void *a, const void *b)
{
	int32_t first = *(const int32_t *)a, second = *(const int32_t *)b;
	return (first > second) - (first < second);
}

/* Whether two sets have the same key. */
static bool board_has_equal_keys(const struct board_header *header)
{
	int32_t keys[BOARD_SETS];
	memcpy(keys, header->set_keys, sizeof(keys));
	qsort(keys, BOARD_SETS, sizeof(keys[0]), board_compare_keys);
	for (int i = 1; i < BOARD_SETS; i++) {
		if (keys[i] != 0 && keys[i] == keys[i - 1])
			return true;
	}
	return false;
}

static bool board_is_valid(const struct board_header *header)
{
	return memcmp(header->magic, BOARD_MAGIC, sizeof(header->magic)) == 0 &&
	       header->version == BOARD_VERSION && header->slot_offset == BOARD_SLOT_OFFSET &&
	       header->slot_count == BOARD_SLOTS && header->slots_used <= BOARD_SLOTS &&
	       header->next_generation > 0 && header->next_generation <= BOARD_GENERATION_MAX &&
	       header->epoch > 0 && header->epoch < UINT64_MAX && !board_has_equal_keys(header);
}

/*
 * Reads the header of an earlier daemon's board, and makes sure that all of the board that is used
 * has memory: a missing page would be SIGBUS in a full /dev/shm. Returns 0, -EBADMSG if the board
 * is invalid, or another negative errno.
 */
static int board_check_file(int fd)
{
	struct board_header header;
	struct stat status;
	ssize_t count = pread(fd, &header, sizeof(header), 0);
	if (count < 0 || fstat(fd, &status) < 0)
		return -errno;
	if (count != (ssize_t)sizeof(header) || !board_is_valid(&header))
		return -EBADMSG;
	off_t slots = (off_t)header.slots_used * (off_t)sizeof(uint64_t);
	if ((off_t)status.st_blocks * 512 < BOARD_SLOT_OFFSET + slots + header.slots_used)
		return -EBADMSG;
	if (fallocate(fd, 0, 0, BOARD_SLOT_OFFSET + slots) < 0 ||
		(slots > 0 && fallocate(fd, 0, BOARD_KEEP_OFFSET, header.slots_used) < 0))
		return -errno;
	return 0;
}

/* Whether all slots have generations that were given out. */
static bool board_has_valid_slots(const struct board *board)
{
	for (uint32_t slot = 0; slot < board->header->slots_used; slot++) {
		if (board->slots[slot] >= board->header->next_generation)
			return false;
	}
	return true;
}

static void board_unmap(struct board *board)
{
	if (board->header)
		munmap(board->header, BOARD_SIZE);
	if (board->fd >= 0)
		close(board->fd);
	board->header = NULL;
	board->fd = -1;
}

void board_raise_generation(struct board *board, uint64_t next)
{
	if (next > board->header->next_generation && next < BOARD_GENERATION_MAX)
		board->header->next_generation = next;
}

static void board_set_epoch(struct board *board, uint64_t epoch)
{
	__atomic_store_n(&board->header->epoch, epoch, __ATOMIC_RELEASE);
}

static int board_take_over(struct board *board)
{
	board->fd = board_open_file(board);
	int r = board->fd < 0 ? board->fd : board_check_file(board->fd);
	if (r == 0)
		r = board_map(board);
	if (r == 0 && !board_has_valid_slots(board))
		r = -EBADMSG;
	if (r < 0) {
		board_unmap(board);
		return r;
	}
	board_raise_generation(board, clock_date_usec());
	board_set_epoch(board, board->header->epoch + 1);
	return 0;
}

static int board_create(struct board *board)
{
	board->fd = board_create_file(board);
	if (board->fd < 0)
		return board->fd;
	int r = board_map(board);
	if (r < 0) {
		board_unmap(board);
		shm_unlink(board->name);
		return r;
	}
	board->header->version = BOARD_VERSION;
	board->header->slot_offset = BOARD_SLOT_OFFSET;
	board->header->slot_count = BOARD_SLOTS;
	board->header->next_generation = 1;
	board_raise_generation(board, clock_date_usec());
	board_set_epoch(board, 1);
	/* Last: a board without it is incomplete, and no image was published with it. */
	memcpy(board->header->magic, BOARD_MAGIC, sizeof(board->header->magic));
	return 0;
}

/* Allocates capacity for all slots that were ever used. Returns 1 or a negative errno. */
static int board_allocate_free_slots(struct board *board)
{
	uint32_t capacity = board->header->slots_used + 1;
	board->free_slots = reallocarray(NULL, capacity, sizeof(*board->free_slots));
	if (!board->free_slots) {
		board_unmap(board);
		return -ENOMEM;
	}
	board->free_capacity = capacity;
	return 1;
}

int board_open(struct board *board, const char *instance)
{
	*board = (struct board){.fd = -1};
	snprintf(board->name, sizeof(board->name), BOARD_NAME, instance);
	int r = board_take_over(board);
	if (r == 0)
		return board_allocate_free_slots(board);
	return r == -ENOENT ? board_create(board) : r;
}

void board_leave(struct board *board)
{
	board->left = true;
}

void board_destroy(struct board *board)
{
	if (!board->header)
		return;
	if (!board->left) {
		board_set_epoch(board, 0);
		shm_unlink(board->name);
	}
	board_unmap(board);
	free(board->free_slots);
	*board = (struct board){.fd = -1};
}

/* Called when a slot is given out, so that giving it back cannot fail. */
static int board_grow_free_slots(struct board *board)
{
	if (board->header->slots_used < board->free_capacity)
		return 0;
	uint32_t capacity = board->free_capacity ? board->free_capacity * 2 : 256;
	uint32_t *slots = reallocarray(board->free_slots, capacity, sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	board->free_slots = slots;
	board->free_capacity = capacity;
	return 0;
}

/* Reserves the pages of a slot: a full /dev/shm must be an error, not SIGBUS. */
static int board_reserve_slot(const struct board *board, uint32_t slot)
{
	off_t offset = BOARD_SLOT_OFFSET + (off_t)(slot * sizeof(uint64_t));
	if (fallocate(board->fd, 0, offset, sizeof(uint64_t)) < 0 ||
		fallocate(board->fd, 0, BOARD_KEEP_OFFSET + (off_t)slot, 1) < 0)
		return -errno;
	return 0;
}

int board_take_slot(struct board *board, uint32_t *slot)
{
	if (board->free_count > 0) {
		*slot = board->free_slots[--board->free_count];
		return 0;
	}
	if (board->header->slots_used == SLOTS_MAX)
		return -ENOSPC;
	int r = board_grow_free_slots(board);
	if (r == 0 && board->header->slots_used * sizeof(uint64_t) % 4096 == 0)
		r = board_reserve_slot(board, board->header->slots_used);
	if (r == 0)
		*slot = board->header->slots_used++;
	return r;
}

void board_adopt(struct board *board, const bool *taken)
{
	for (uint32_t slot = 0; slot < board->header->slots_used; slot++) {
		if (!taken[slot])
			board_put_slot(board, slot);
	}
}

void board_put_slot(struct board *board, uint32_t slot)
{
	board_show(board, slot, 0);
	if (!board->left)
		board->keeps[slot] = 0;
	board->free_slots[board->free_count++] = slot;
}

void board_show(struct board *board, uint32_t slot, uint64_t generation)
{
	if (board->left)
		return;
	__atomic_store_n(&board->slots[slot], generation, __ATOMIC_RELEASE);
}

void board_set_keep(struct board *board, uint32_t slot, uint8_t keep)
{
	if (!board->left)
		board->keeps[slot] = (uint8_t)(keep + 1);
}

int board_keep(const struct board *board, uint32_t slot)
{
	return board->keeps[slot] - 1;
}

uint64_t board_new_generation(struct board *board)
{
	return board->header->next_generation++;
}

int board_add_key(struct board *board, int32_t key)
{
	for (int i = 0; i < SETS_MAX; i++) {
		if (board->header->set_keys[i])
			continue;
		board->header->set_keys[i] = key;
		return i;
	}
	return -ENOSPC;
}

void board_remove_key(struct board *board, int index)
{
	if (board->left)
		return;
	board->header->set_keys[index] = 0;
}
