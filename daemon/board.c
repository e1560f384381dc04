/*
 * The board: slots, generations and keys of semaphore sets.
 * See board.h for what it does and never does.
 */
#include "daemon/board.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/cleanup.h"

#define BOARD_SIZE (BOARD_SLOT_OFFSET + BOARD_SLOTS * sizeof(uint64_t))

int board_create(struct board *board, const char *instance)
{
	*board = (struct board){0};
	snprintf(board->name, sizeof(board->name), "/shmimg-%s-board", instance);
	OWN_FD int fd = shm_open(board->name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0444);
	if (fd < 0)
		return -errno;
	/* The slots are sparse; the pages of the header are reserved, as any first use is. */
	if (fchmod(fd, 0444) < 0 || ftruncate(fd, BOARD_SIZE) < 0 ||
		fallocate(fd, 0, 0, BOARD_SLOT_OFFSET) < 0)
		goto fail;
	void *memory = mmap(NULL, BOARD_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (memory == MAP_FAILED)
		goto fail;
	board->header = memory;
	board->slots = (uint64_t *)(void *)((char *)memory + BOARD_SLOT_OFFSET);
	memcpy(board->header->magic, BOARD_MAGIC, sizeof(board->header->magic));
	board->header->version = BOARD_VERSION;
	board->header->slot_offset = BOARD_SLOT_OFFSET;
	board->header->slot_count = BOARD_SLOTS;
	board->header->next_generation = 1;
	board->fd = take_fd(&fd);
	return 0;
fail:;
	int r = -errno;
	shm_unlink(board->name);
	return r;
}

void board_destroy(struct board *board)
{
	if (!board->header)
		return;
	munmap(board->header, BOARD_SIZE);
	close(board->fd);
	shm_unlink(board->name);
	free(board->free_slots);
	*board = (struct board){0};
}

/* Room to give a slot back is made when it is taken, so that giving back cannot fail. */
static int grow_free_slots(struct board *board)
{
	if (board->next_slot < board->free_room)
		return 0;
	uint32_t room = board->free_room ? board->free_room * 2 : 256;
	uint32_t *slots = reallocarray(board->free_slots, room, sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	board->free_slots = slots;
	board->free_room = room;
	return 0;
}

/* Makes sure that a slot's page exists: a full /dev/shm must be an error, not SIGBUS. */
static int reserve_slot(const struct board *board, uint32_t slot)
{
	off_t offset = BOARD_SLOT_OFFSET + (off_t)(slot * sizeof(uint64_t));
	return fallocate(board->fd, 0, offset, sizeof(uint64_t)) < 0 ? -errno : 0;
}

int board_take_slot(struct board *board, uint32_t *slot)
{
	if (board->free_count > 0) {
		*slot = board->free_slots[--board->free_count];
		return 0;
	}
	if (board->next_slot == BOARD_SLOTS)
		return -ENOSPC;
	int r = grow_free_slots(board);
	if (r == 0 && board->next_slot * sizeof(uint64_t) % 4096 == 0)
		r = reserve_slot(board, board->next_slot);
	if (r == 0)
		*slot = board->next_slot++;
	return r;
}

void board_put_slot(struct board *board, uint32_t slot)
{
	board_show(board, slot, 0);
	board->free_slots[board->free_count++] = slot;
}

void board_show(struct board *board, uint32_t slot, uint64_t generation)
{
	__atomic_store_n(&board->slots[slot], generation, __ATOMIC_RELEASE);
}

uint64_t board_new_generation(struct board *board)
{
	return board->header->next_generation++;
}

int board_add_key(struct board *board, int32_t key)
{
	for (int i = 0; i < BOARD_SETS; i++) {
		if (board->header->set_keys[i])
			continue;
		board->header->set_keys[i] = key;
		board->header->set_count++;
		return i;
	}
	return -ENOSPC;
}

void board_remove_key(struct board *board, int index)
{
	board->header->set_keys[index] = 0;
	board->header->set_count--;
}
