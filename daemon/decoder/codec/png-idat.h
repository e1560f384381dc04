/*
 * The chunks of a PNG file from its first IDAT on: the data of all IDAT in a row as one
 * stream, then the others up to IEND, every CRC checked. Judges nothing: what is not plainly
 * right is told as an error, whether libpng would let it pass or not.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct input;

struct idat {
	struct input *input;
	uint8_t name[4]; /* of the chunk that is being read */
	uint32_t left;	 /* of its data */
	uint32_t crc;	 /* of what was read of it */
	bool ended;	 /* it is no IDAT any more */
};

/* Begins where the head of the first IDAT has just been taken. Returns 0 or -EBADMSG. */
int idat_begin(struct idat *idat, struct input *input);

/* Reads size bytes, fewer only at the end. Returns how many, or -EBADMSG. */
ssize_t idat_read(struct idat *idat, uint8_t *to, size_t size);

/* Steps over the other chunks, once idat_read() has returned 0. Returns 0 or -EBADMSG. */
int idat_finish(struct idat *idat);
