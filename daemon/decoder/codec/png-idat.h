/*
 * Reads the chunks of a PNG file from the first IDAT on, and checks every CRC: the data of
 * all IDAT in a row as one stream, then the other chunks up to IEND.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct input;

struct png_idat {
	struct input *input;
	uint8_t name[4]; /* of the current chunk */
	uint32_t left;	 /* bytes of its data that are not read */
	uint32_t crc;	 /* of the bytes that are read */
	bool ended;	 /* the current chunk is the first that is no IDAT */
};

/* Begins right after the head of the first IDAT was read. Returns 0 or -EBADMSG. */
int png_idat_begin(struct png_idat *idat, struct input *input);

/* Reads size bytes of the stream, fewer only at its end. Returns how many, or -EBADMSG. */
ssize_t png_idat_read(struct png_idat *idat, uint8_t *to, size_t size);

/* Skips the other chunks, after png_idat_read() has returned 0. Returns 0 or -EBADMSG. */
int png_idat_finish(struct png_idat *idat);
