/*
 * The daemon's board as a client reads it: whether a mapping is still the newest, without a
 * system call. Believes a board only when it is the daemon's own and has the layout of
 * shmimg-segment(5); a client without one asks the daemon each time.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "client/lib/image.h"
#include "client/protocol/board.h"

/* Zeroed: there is none. */
struct board_view {
	const struct board_header *header; /* the mapping, or NULL */
	size_t size;
	const uint64_t *slots;
	uint32_t slot_count;
	uint64_t epoch; /* when the present connection was made */
	dev_t device;
	ino_t inode;
};

/*
 * Takes up the board of that name. Returns whether slots noted before still mean the same:
 * it is the same board as before.
 */
bool board_view_open(struct board_view *board, const char *name, const struct makers *makers);

void board_view_close(struct board_view *board);

/* Whether the present connection's daemon still lives, and a generation is its slot's newest. */
static inline bool board_view_shows(
	const struct board_view *board, uint32_t slot, uint64_t generation)
{
	return board->header && slot < board->slot_count &&
	       __atomic_load_n(&board->header->epoch, __ATOMIC_ACQUIRE) == board->epoch &&
	       __atomic_load_n(&board->slots[slot], __ATOMIC_ACQUIRE) == generation;
}
