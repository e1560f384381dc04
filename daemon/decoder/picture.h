/*
 * What a file says it is, and what went wrong with it: filled by a codec, read by the job
 * loop. Owns the metadata blocks; pixels never pass here.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/protocol/fault.h"
#include "daemon/decoder/input.h"
#include "daemon/decoder/job.h"

struct codec;

struct picture_block {
	uint32_t type;
	size_t size;
	uint8_t *data;
};

struct picture {
	struct input input;
	const struct codec *codec; /* set when its open() was called */
	void *state;		   /* the codec's own */
	uint32_t width;		   /* as the file has it, before the orientation */
	uint32_t height;
	enum format native;
	enum colour_space colour;
	unsigned orientation; /* 1 to 8 */
	bool in_order;	      /* its rows come from the first to the last, each once */
	uint32_t block_count;
	struct picture_block blocks[HEADER_BLOCKS_MAX];
	struct job_error error;
};

/*
 * Says what is wrong; the first one to speak is heard. What is not printable ASCII becomes
 * '?'. A file that could not be read is told as that, whatever the codec made of it.
 * Returns -EBADMSG.
 */
int picture_fail(struct picture *picture, enum fault fault, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Adds a copy of a block. Returns 0 or, having failed the picture, a negative errno. */
int picture_add_block(struct picture *picture, uint32_t type, const void *data, size_t size);

/* Frees the blocks. */
void picture_clear(struct picture *picture);
