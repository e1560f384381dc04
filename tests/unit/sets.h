/*
 * Counts the semaphore sets that a board knows of, for tests.
 */
#pragma once

#include "client/protocol/board.h"

static inline unsigned count_sets(const struct board_header *header)
{
	unsigned count = 0;
	for (int i = 0; i < BOARD_SETS; i++)
		count += header->set_keys[i] != 0;
	return count;
}
