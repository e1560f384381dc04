/*
 * The board: owns its mapping and gives out slots, generations, and places for the keys of
 * semaphore sets.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "client/protocol/board.h"

#define BOARD_NAME "/shmimg-%s-board" /* for shm_open(3), with the instance */

struct board {
	struct board_header *header; /* the mapping */
	uint64_t *slots;
	uint8_t *keeps;
	int fd;		      /* of the segment */
	char name[64];	      /* for shm_open(3) */
	uint32_t *free_slots; /* slots that were given back: a stack */
	uint32_t free_count;
	uint32_t free_capacity;
	bool left; /* to the next daemon: board, segments and semaphores must not change any more */
};

/*
 * Takes over the board of an earlier daemon of this instance, or creates a new one if there is
 * none. Returns 1 if a board was taken over: call board_adopt() then. Returns 0 for a new board,
 * -EEXIST if another user's file has its name, -EBADMSG if a file of this user that is not a valid
 * board has it (remains.h), or another negative errno.
 */
int board_open(struct board *board, const char *instance);

/*
 * Completes the takeover of a board: frees all slots that are not taken. The array has
 * header->slots_used elements.
 */
void board_adopt(struct board *board, const bool *taken);

/*
 * Leaves the board, its segments and its semaphores to the next daemon. From now on they stay as
 * after a crash, also when this process destroys its objects.
 */
void board_leave(struct board *board);

/* Unmaps the board, and removes its name unless it was left. */
void board_destroy(struct board *board);

/* Gives out a free slot, which is 0. Returns 0, -ENOSPC if all are in use, or another negative
 * errno. */
int board_take_slot(struct board *board, uint32_t *slot);

/* Gives a slot back, and sets it to 0. */
void board_put_slot(struct board *board, uint32_t slot);

/* Stores a generation in a slot, where clients see it. */
void board_show(struct board *board, uint32_t slot, uint64_t generation);

/* Stores the keep of a slot's image for the next daemon. board_put_slot() removes it. */
void board_set_keep(struct board *board, uint32_t slot, uint8_t keep);

/* The keep of a slot's image, or -1 if none was stored. */
int board_keep(const struct board *board, uint32_t slot);

/* Returns a generation that was never used. */
uint64_t board_new_generation(struct board *board);

/* Gives out no generation below this one any more. */
void board_raise_generation(struct board *board, uint64_t next);

/*
 * Stores the key of a semaphore set. Call this before the set is created, so that the next daemon
 * knows of it even after a crash. Returns the index of the key, or -ENOSPC.
 */
int board_add_key(struct board *board, int32_t key);
void board_remove_key(struct board *board, int index);
