/*
 * The target: the segment of a job that a codec draws on, strip by strip. Applies the
 * orientation and has the picture made smaller. Does not own the descriptor.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "daemon/decoder/file/picture.h"
#include "daemon/decoder/pixel/strip.h"

struct scale;

struct target {
	int fd;
	uint8_t *map; /* NULL if the rows go through the stripe writer */
	size_t size;
	bool striped;	     /* the stripe writer has begun and is not ended */
	bool spare;	     /* the mapping belongs to the spare */
	uint64_t pixels_end; /* offset in the segment */
	size_t stride;
	size_t row_bytes; /* of a row without its padding; for the stripe writer only */
	enum format format;
	uint32_t width; /* of the picture, as the codec delivers it */
	uint32_t height;
	struct scale *scale; /* NULL if the picture keeps its size */
	bool transposed;     /* rows of the file become columns */
	uint8_t *origin;     /* where pixel (0, 0) of the file goes */
	ptrdiff_t across;    /* bytes, from a pixel to the next of its row */
	ptrdiff_t down;	     /* bytes, from a row to the next */
	uint8_t *scratch;    /* a strip of converted pixels */
};

/*
 * Begins: maps the segment or begins the stripe writer, and writes the picture's blocks.
 * Returns 0; -EPROTO if the daemon's numbers contradict each other; or another negative errno
 * after picture_fail().
 */
int target_open(struct target *target, struct picture *picture, enum format format,
	const struct job_segment *segment, int fd);

/*
 * Writes the rest of the pixels and reserves the rest of the segment.
 * Returns 0, or a negative errno after picture_fail().
 */
int target_finish(struct target *target, struct picture *picture);

/* Unmaps the segment, frees memory. */
void target_close(struct target *target);

/* The format that costs least if the codec delivers its rows in it. */
enum format target_format(const struct target *target);

/* Whether rows of this kind need no conversion, orientation or scaling, see target_rows(). */
bool target_is_direct(const struct target *target, enum row row);

/*
 * Where a codec writes rows y to y + count - 1 itself, at most STRIP_ROWS of them. Rows
 * come in order if picture->in_order, and are complete at the next call. Only if
 * target_is_direct().
 */
void target_rows(struct target *target, uint32_t y, uint32_t count, uint8_t **rows);

/* Draws a strip. Rows come in order if picture->in_order. */
void target_put(struct target *target, const struct strip *strip);
