/*
 * Writes the pixels of a segment from the first byte to the last, in stripes, where possible on
 * a thread of its own. One segment at a time, for one thread at a time.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/*
 * Starts the thread that writes. Call it once, after privileges were dropped and before the
 * process is forbidden to start threads. The thread first calls confine(), and ends if that returns
 * a negative errno. Without a thread, because there is no memory or only one processor, everything
 * else works the same.
 */
void stripe_writer_prepare(int (*confine)(void));

/*
 * Begins to write at an offset, a multiple of 4096. max is the largest number of bytes that
 * stripe_writer_next() will be asked for. The caller keeps the descriptor open until
 * stripe_writer_end(). Returns 0 or -ENOMEM.
 */
int stripe_writer_begin(int fd, uint64_t offset, size_t max);

/* Where the next bytes go. The caller fills them before the next call of this module. */
uint8_t *stripe_writer_next(size_t bytes);

/*
 * Writes the rest and waits until everything is written. Returns 0, or the negative errno of
 * the first failure: -ENOSPC if shared memory is full.
 */
int stripe_writer_end(void);
