/*
 * The layout of the board, as shmimg-segment(5) describes it. The board is one shared, read-only
 * array of 64-bit generations, with a slot for each image. It tells a client without a system
 * call whether the client's mapping is still the newest.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define BOARD_MAGIC   "SHMBRD\r\n"
#define BOARD_VERSION 1u

enum {
	BOARD_SLOTS = 1 << 20,	   /* slots of a board; their memory is allocated when first used */
	BOARD_SETS = 4096,	   /* semaphore sets of a daemon */
	BOARD_SLOT_OFFSET = 32768, /* a multiple of every page size up to it */
	BOARD_KEEP_OFFSET = BOARD_SLOT_OFFSET + BOARD_SLOTS * 8,
	BOARD_SIZE = BOARD_KEEP_OFFSET + BOARD_SLOTS,
};

/* All generations are below: up to here a number in JSON is exact. */
#define BOARD_GENERATION_MAX (UINT64_C(1) << 53)

/*
 * The slots follow at slot_offset: uint64_t, read with acquire order. A slot contains the
 * newest generation of its image, or 0 if no image uses the slot. No two images ever have the
 * same generation. If the epoch has changed since a client connected, the client's daemon has
 * gone, and the client's pins with it. After the slots follows one byte for each slot, which
 * only the daemon uses: 1 + the image's lifetime (enum keep), or 0 if the lifetime in the
 * headers of its segments is valid.
 *
 * Generations begin at the clock (microseconds since 1970) and grow, so that they are not used
 * twice, also when a board was lost. In all versions set_keys and epoch are at the same place:
 * a daemon that does not know a version retires the board by them.
 */
struct board_header {
	char magic[8];
	uint32_t version;
	uint32_t slot_offset; /* bytes */
	uint32_t slot_count;
	uint32_t slots_used;	      /* the first slot that was never used */
	uint64_t next_generation;     /* for the next daemon; clients must ignore it */
	int32_t set_keys[BOARD_SETS]; /* System V keys of the daemon's semaphore sets; 0: unused */
	uint64_t epoch; /* differs for each daemon that uses the board; 0: no daemon will use it
			   again */
};

_Static_assert(offsetof(struct board_header, slot_offset) == 12, "slot_offset has moved");
_Static_assert(offsetof(struct board_header, next_generation) == 24, "next_generation has moved");
_Static_assert(offsetof(struct board_header, set_keys) == 32, "set_keys has moved");
_Static_assert(offsetof(struct board_header, epoch) == 16416, "epoch has moved");
_Static_assert(sizeof(struct board_header) <= BOARD_SLOT_OFFSET, "the slots follow the header");
