/*
 * Decodes a PNG file in this process both ways, by png-fast.h and by libpng alone, and
 * compares. A program that links this wraps png_fast_decode(), calloc(), malloc() and
 * reallocarray().
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/protocol/format.h"

struct png_pair {
	bool fast;	   /* libpng was not needed for the pixels */
	bool accepted;	   /* by libpng alone */
	char message[256]; /* of libpng when it was not */
};

/*
 * Returns NULL, or what differs: the verdict, the message or a pixel. Pictures of more than
 * a million pixels are not decoded. One difference is ignored: ISA-L decodes a stream with an
 * incomplete Huffman code, if no missing code is used and the sum is right.
 */
const char *png_pair_compare(
	const void *data, size_t size, enum format format, struct png_pair *pair);

/* Makes an allocation in png_fast_decode() fail: the first is number 1. 0: none. */
extern unsigned png_pair_failing;
