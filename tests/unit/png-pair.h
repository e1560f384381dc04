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
 * a million pixels are not decoded. It is no difference that ISA-L decodes a stream with
 * an incomplete Huffman code, of which no missing part is used, when its sum is right.
 */
const char *png_pair_compare(
	const void *data, size_t size, enum format format, struct png_pair *pair);

/* Has the allocation of this number in png_fast_decode() fail, from 1 on; 0: none. */
extern unsigned png_pair_failing;
