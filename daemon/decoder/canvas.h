/*
 * The segment of a job as something to draw on: reserved, mapped, and written row by row
 * with the orientation applied. Its offsets are the daemon's word, checked against the
 * segment's size. Never reads what it has written; does not own the descriptor.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "daemon/decoder/convert.h"
#include "daemon/decoder/picture.h"

enum { CANVAS_STRIP = 16 }; /* most rows of one strip */

struct canvas {
	uint8_t *map;
	size_t size;
	enum format format;
	uint32_t width; /* of the picture as the file has it */
	uint32_t height;
	bool turned;	  /* its rows become columns */
	uint8_t *origin;  /* where its pixel (0, 0) goes */
	ptrdiff_t across; /* from a pixel to the next of its row, bytes */
	ptrdiff_t down;	  /* from a row to the next */
	uint8_t *scratch; /* a strip of converted pixels */
};

/* Pixels of a picture as a codec has them: rows x count, from (x, y) on. */
struct strip {
	const uint8_t *pixels;
	size_t pitch; /* bytes from a row to the next */
	enum row row;
	uint32_t rows; /* at most CANVAS_STRIP */
	uint32_t count;
	uint32_t x, y;
	uint32_t step; /* from a column to the next: 1, or more in an interlaced pass */
};

/*
 * Reserves the whole segment, maps it and writes the picture's blocks.
 * Returns 0; -EPROTO when the daemon's numbers contradict each other; or, having failed
 * the picture, another negative errno.
 */
int canvas_open(struct canvas *canvas, struct picture *picture, enum format format,
	const struct job_segment *segment, int fd);

/* Unmaps. */
void canvas_close(struct canvas *canvas);

/*
 * Where rows of a kind may be written straight to, row after row of the file: the pixels
 * themselves, when nothing needs converting nor turning. Else NULL: use canvas_put().
 */
uint8_t *canvas_row(const struct canvas *canvas, enum row row, uint32_t y);

/* Converts a strip and puts it where it belongs. */
void canvas_put(struct canvas *canvas, const struct strip *strip);
