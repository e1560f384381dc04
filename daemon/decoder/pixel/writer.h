/*
 * The way of pixels into a segment that is written from its first row to its last: stripes
 * that fit into a processor's cache, each of them written while the next one is decoded, by a
 * thread of its own where there is a second processor. The kernel does not zero whole pages
 * that are written in one call, as it does those of a mapping, and takes no fault for them.
 * One segment at a time, for one thread at a time.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/*
 * Makes the thread that writes; once, after privileges were dropped and before the process
 * may make no more. Without one, for want of memory or of a processor, nothing else changes.
 */
void stripe_writer_prepare(void);

/*
 * Begins to write at an offset, a multiple of 4096. most is the largest number of bytes that
 * stripe_writer_take() will be asked for. The descriptor stays the caller's, and open until
 * stripe_writer_end(). Returns 0 or -ENOMEM.
 */
int stripe_writer_begin(int fd, uint64_t offset, size_t most);

/* Where the next bytes go; they are complete at the next call, or at stripe_writer_end(). */
uint8_t *stripe_writer_take(size_t bytes);

/*
 * Writes what is left and waits until all is written. Returns 0, or the negative errno of
 * what failed: -ENOSPC when there is no room.
 */
int stripe_writer_end(void);
