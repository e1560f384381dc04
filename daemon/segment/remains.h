/*
 * The remains of a daemon that was killed, when they are not adopted: removes its board, its
 * semaphore sets and its files in /dev/shm.
 */
#pragma once

#include <stdint.h>

/*
 * Removes a board that cannot be taken over, and its semaphore sets, after telling the clients that
 * have it mapped. next_generation gets the next generation that the board tells, or 0. Does nothing
 * if this user has no board there. Returns 0, or a negative errno when some of it may be left.
 */
int remains_retire_board(const char *instance, uint64_t *next_generation);

/*
 * Removes the board, as remains_retire_board(), and all segments of an instance. Returns 0, or
 * a negative errno when there may still be some.
 */
int remains_remove(const char *instance);
