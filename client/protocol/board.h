/*
 * The board: one shared, read-only array of 64-bit counters, a slot for each image, that
 * tells a client without a system call whether the mapping it keeps is still the newest.
 * This is its layout, as shmimg-segment(5) describes it; it holds no code.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define BOARD_MAGIC   "SHMBRD\r\n"
#define BOARD_VERSION 1u

enum {
	BOARD_SLOTS = 1 << 20,	   /* slots of a board; its pages are made when first used */
	BOARD_SETS = 4096,	   /* semaphore sets of a daemon */
	BOARD_SLOT_OFFSET = 32768, /* where the slots begin: multiple of any page up to this */
	BOARD_KEEP_OFFSET = BOARD_SLOT_OFFSET + BOARD_SLOTS * 8,
	BOARD_SIZE = BOARD_KEEP_OFFSET + BOARD_SLOTS,
};

/*
 * The slots follow at slot_offset: uint64_t, read with acquire order. A slot holds the
 * newest generation of its image, or 0 when no image uses it. A generation is never used
 * twice, by no image. With another epoch than it had when a client connected, the client's
 * daemon is gone, and its pins with it. Behind the slots is a byte for each, the daemon's own:
 * 1 + the lifetime (enum keep) of the slot's image, or 0 for that in its segments' headers.
 */
struct board_header {
	char magic[8];
	uint32_t version;
	uint32_t slot_offset; /* bytes */
	uint32_t slot_count;
	uint32_t slots_used;	      /* slots from this one on were never used */
	uint64_t next_generation;     /* for the next daemon; of no meaning to clients */
	int32_t set_keys[BOARD_SETS]; /* System V keys of the daemon's semaphore sets; 0: none */
	uint64_t epoch; /* another number for each daemon that has the board; 0: none ever will */
};

_Static_assert(offsetof(struct board_header, slot_offset) == 12, "slot_offset has moved");
_Static_assert(offsetof(struct board_header, next_generation) == 24, "next_generation has moved");
_Static_assert(offsetof(struct board_header, set_keys) == 32, "set_keys has moved");
_Static_assert(offsetof(struct board_header, epoch) == 16416, "epoch has moved");
_Static_assert(sizeof(struct board_header) <= BOARD_SLOT_OFFSET, "the slots follow the header");
