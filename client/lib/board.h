/*
 * The daemon's board as a client reads it: tells without a system call whether a mapping is
 * still the newest. A board is used only if it belongs to the daemon and has the layout of
 * shmimg-segment(5). A client without a board asks the daemon each time.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "client/lib/image.h"
#include "client/protocol/board.h"

/* All zero: there is no board. */
struct board_view {
	const struct board_header *header; /* the mapping, or NULL */
	size_t size;
	const uint64_t *slots;
	uint32_t slot_count;
	uint64_t epoch; /* of the daemon that the client is connected to */
	dev_t device;
	ino_t inode;
};

/* Opens the board of this name. Returns its descriptor, or a negative errno. */
int board_view_find(const char *name);

/*
 * Maps the board that is open as fd, which stays the caller's and may be negative: there is none,
 * in place of the previous one. Returns whether it is the same board, so that slots which are
 * already known keep their meaning.
 */
bool board_view_open(struct board_view *board, int fd, const struct makers *makers);

void board_view_close(struct board_view *board);

/* Whether the connected daemon is still running, and a generation is the newest of its slot. */
static inline bool board_view_shows(
	const struct board_view *board, uint32_t slot, uint64_t generation)
{
	return board->header && slot < board->slot_count &&
	       __atomic_load_n(&board->header->epoch, __ATOMIC_ACQUIRE) == board->epoch &&
	       __atomic_load_n(&board->slots[slot], __ATOMIC_ACQUIRE) == generation;
}
