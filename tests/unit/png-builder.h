/*
 * Makes PNG files piece by piece, right or wrong ones: chunks of any content, and zlib streams
 * of any rows.
 */
#pragma once

#include "tests/unit/decoder-harness.h"

/* Adds bytes. */
void build_bytes(struct bytes *file, const void *data, size_t size);

/* Begins a file of 8 bits that is not interlaced. A palette gets this many random colours. */
void build_head(struct bytes *file, uint32_t width, uint32_t height, int type, int colours);

/* Adds a chunk with its CRC. */
void build_chunk(struct bytes *file, const char *name, const void *data, size_t size);

/* Adds a stream in IDAT chunks of this size, with an empty one after each if wanted. */
void build_pixels(struct bytes *file, const struct bytes *stream, size_t each, bool empty);

/* The zlib stream of data; level 0 to 9, a strategy of zlib, 9 to 15 bits of window. */
struct bytes deflated(const struct bytes *data, int level, int strategy, int window);

/* Rows of random bytes, with all filters. */
struct bytes rows_of(uint32_t width, uint32_t height, int type);

/* A valid file of these rows. Its size decides how it is compressed and cut into IDAT. */
struct bytes picture_of(uint32_t width, uint32_t height, int type);
