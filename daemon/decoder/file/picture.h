/*
 * What a file says it is, and what went wrong with it: filled by a codec, read by the job
 * loop. Owns the metadata blocks; pixels never pass here.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/protocol/fault.h"
#include "daemon/decoder/file/input.h"
#include "daemon/job/job.h"

struct codec;

enum { EIGHTHS = 8 }; /* of which a whole is made */

struct picture_block {
	uint32_t type;
	size_t size;
	uint8_t *data;
};

struct picture {
	struct input input;
	const struct codec *codec; /* set when its open() was called */
	void *state;		   /* the codec's own */
	char type[8];		   /* as job.h says */
	uint32_t width;		   /* as the file has it, before the orientation */
	uint32_t height;
	uint32_t full_width; /* of the whole picture, of which the file may be a smaller form */
	uint32_t full_height;
	uint32_t fitted_width; /* that will be written, before the orientation */
	uint32_t fitted_height;
	unsigned eighths; /* what part of its width and height the codec will deliver */
	enum format native;
	enum colour_space colour;
	unsigned orientation; /* 1 to 8 */
	unsigned turned_by;   /* the orientation that was applied before; 1: none */
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

/* Sizes in pixels or rows: of the one in the file, what some eighths of it are. */
static inline uint32_t picture_part(uint32_t size, unsigned eighths)
{
	return (uint32_t)(((uint64_t)size * eighths + 7) / 8);
}

/* The same size as it is after the orientation was applied, or before. */
void picture_turn(const struct picture *picture, uint32_t *width, uint32_t *height);

/*
 * Sets the fitted size: the whole picture, after its orientation, in a box as fit_inside() has
 * it. Returns 0 or, having failed the picture, a negative errno.
 */
int picture_fit(struct picture *picture, uint32_t most_wide, uint32_t most_high);

/* Whether it will be written smaller than it is in the file. */
bool picture_is_scaled(const struct picture *picture);

/* Adds a copy of a block. Returns 0 or, having failed the picture, a negative errno. */
int picture_add_block(struct picture *picture, uint32_t type, const void *data, size_t size);

/* Frees the blocks. */
void picture_clear(struct picture *picture);
