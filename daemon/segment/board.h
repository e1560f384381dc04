/*
 * The board and what it gives out: slots, generations, and keys of semaphore sets, which
 * are written down here before the kernel makes a set, so that no crash leaves a set that
 * the next daemon does not know of. Knows nothing of images.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "client/protocol/board.h"

struct board {
	struct board_header *header; /* the mapping */
	uint64_t *slots;
	uint8_t *keeps;
	int fd;		      /* of the segment */
	char name[64];	      /* for shm_open(3) */
	uint32_t *free_slots; /* given back: a stack */
	uint32_t free_count;
	uint32_t free_room;
	bool left; /* to the next daemon: nothing that outlives this one changes any more */
};

/*
 * Takes over the board that a dead daemon of this instance has left, if it is one, or makes
 * a new one. Returns 1 for a board taken over, which board_adopt() has to follow; 0 for a
 * new one; -EEXIST when something of somebody else's has its name; or a negative errno.
 */
int board_open(struct board *board, const char *instance);

/*
 * Ends taking a board over: frees all slots but those taken, an array of as many as
 * header->slots_used says.
 */
void board_adopt(struct board *board, const bool *taken);

/*
 * Leaves the board, and the segments and semaphores that belong to it, to the next daemon:
 * from here on they are as after a crash, whatever is destroyed in this process.
 */
void board_leave(struct board *board);

/* Removes its name, unless it was left, and its mapping. */
void board_destroy(struct board *board);

/* A slot of one's own, 0 in it. Returns 0, -ENOSPC when all are in use, or -ENOMEM. */
int board_take_slot(struct board *board, uint32_t *slot);

/* Gives a slot back, which makes it 0. */
void board_put_slot(struct board *board, uint32_t slot);

/* Shows a generation to those who watch the slot. */
void board_show(struct board *board, uint32_t slot, uint64_t generation);

/* Notes the lifetime of a slot's image for the next daemon; a slot given back has none. */
void board_note_keep(struct board *board, uint32_t slot, uint8_t keep);

/* The lifetime that was noted, or -1. */
int board_keep(const struct board *board, uint32_t slot);

/* A generation that was never used. */
uint64_t board_new_generation(struct board *board);

/* Writes a key down; returns its index, or -ENOSPC. */
int board_add_key(struct board *board, int32_t key);
void board_remove_key(struct board *board, int index);
