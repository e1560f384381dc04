/*
 * The segment of a job as something to draw on, row by row, with the orientation applied, and
 * the picture made smaller when it is to be: in the spare's mapping where that is ready; else by
 * way of the spool what comes from the first row to the last and stays so, and mapped what does
 * not. Its offsets are the daemon's word, checked against the segment's size. Never reads what it
 * has written; does not own the descriptor.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "daemon/decoder/file/picture.h"
#include "daemon/decoder/pixel/strip.h"

struct scale;

struct target {
	int fd;
	uint8_t *map; /* NULL when the rows go by way of the spool */
	size_t size;
	bool striped;
	bool spare;	     /* the mapping is the spare's */
	uint64_t pixels_end; /* offset in the segment */
	size_t stride;
	size_t row_bytes; /* of a row without its padding; only of use when spooled */
	enum format format;
	uint32_t width; /* of the picture as the codec delivers it */
	uint32_t height;
	struct scale *scale; /* what makes it smaller; NULL when it stays as it is */
	bool turned;	     /* its rows become columns */
	uint8_t *origin;     /* where its pixel (0, 0) goes */
	ptrdiff_t across;    /* from a pixel to the next of its row, bytes */
	ptrdiff_t down;	     /* from a row to the next */
	uint8_t *scratch;    /* a strip of converted pixels */
};

/*
 * Begins: has the whole segment reserved and mapped, or has the spool begin; writes the picture's
 * blocks. Returns 0; -EPROTO when the daemon's numbers contradict each other; or, having failed
 * the picture, another negative errno.
 */
int target_open(struct target *target, struct picture *picture, enum format format,
	const struct job_segment *segment, int fd);

/*
 * Sees that all that was drawn is in the segment, and all of this reserved.
 * Returns 0 or, having failed the picture, a negative errno.
 */
int target_finish(struct target *target, struct picture *picture);

/* Lets go of the segment. */
void target_close(struct target *target);

/* The format in which a codec's rows are of most use. */
enum format target_format(const struct target *target);

/* Whether rows of a kind need no converting, turning or scaling: target_rows() takes them. */
bool target_is_direct(const struct target *target, enum row row);

/*
 * Where the rows y to y + count - 1 are to be written to, at most STRIP_ROWS, each after
 * the one before; they are complete at the next call. Only if target_is_direct().
 */
void target_rows(struct target *target, uint32_t y, uint32_t count, uint8_t **rows);

/* Converts a strip and puts it where it belongs. Rows in order, when the picture says so. */
void target_put(struct target *target, const struct strip *strip);
