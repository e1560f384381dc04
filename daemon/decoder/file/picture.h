/*
 * A picture: what its file says about it, and the error if there is one. A codec fills it in, the
 * service of jobs reads it. Owns the metadata blocks; holds no pixels.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/protocol/fault.h"
#include "daemon/decoder/file/input.h"
#include "daemon/job/job.h"

/* The text of an error for want of memory. */
#define PICTURE_NO_MEMORY "not enough memory: use a smaller picture, or try again later"

struct codec;

enum { EIGHTHS = 8 }; /* in a whole */

struct picture_block {
	uint32_t type;
	size_t size;
	uint8_t *data;
};

struct picture {
	struct input input;
	const struct codec *codec; /* set before its open() is called */
	void *state;		   /* owned by the codec */
	char type[8];		   /* of the file, also if the source is a segment */
	uint32_t width;		   /* in the file, before the orientation */
	uint32_t height;
	uint32_t full_width; /* of the whole picture; larger if the source is a smaller rendition */
	uint32_t full_height;
	uint32_t fitted_width; /* of the result, before the orientation */
	uint32_t fitted_height;
	unsigned eighths; /* of width and height that the codec delivers */
	enum format native;
	enum colour_space colour;
	unsigned orientation; /* 1 to 8 */
	unsigned turned_by;   /* the orientation that was applied to a segment; 1: none */
	bool in_order;	      /* rows come from the first to the last, each once */
	uint32_t block_count;
	struct picture_block blocks[HEADER_BLOCKS_MAX];
	struct job_error error;
};

/*
 * Sets the error of a picture; later errors are ignored. The text says what is wrong with the
 * file, and what to do if that is more than the advice of the fault (fault.h), which the daemon
 * appends. Characters that are not printable ASCII become '?'. If reading the file has failed,
 * the error says this instead. Returns -EBADMSG.
 */
int picture_fail(struct picture *picture, enum fault fault, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Some eighths of a width or height, rounded up. */
static inline uint32_t picture_part(uint32_t size, unsigned eighths)
{
	return (uint32_t)(((uint64_t)size * eighths + 7) / 8);
}

/* Converts a size before the orientation to the one after it, or back. */
void picture_turn(const struct picture *picture, uint32_t *width, uint32_t *height);

/*
 * Sets the fitted size: that of the whole picture, after its orientation, in a box, as by
 * fit_inside(). Returns 0, or a negative errno after picture_fail().
 */
int picture_fit(struct picture *picture, uint32_t max_width, uint32_t max_height);

/* Whether the result is smaller than the picture in the file. */
bool picture_is_scaled(const struct picture *picture);

/* Adds a copy of a block. Returns 0, or a negative errno after picture_fail(). */
int picture_add_block(struct picture *picture, uint32_t type, const void *data, size_t size);

/* Frees the blocks. */
void picture_clear(struct picture *picture);
