/*
 * Makes planes of floats smaller by zimg, as they come, a few rows at a time: Lanczos' filter of
 * three lobes, first across and then down. Knows neither pixels nor colours; holds what the
 * filter reaches over, and never a whole plane.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum { RESAMPLE_PLANES = 4, RESAMPLE_ROWS = 16 /* most rows at a time, in and out */ };

struct resample;

/* Of a plane: what is given, or made. */
struct resample_size {
	uint32_t width, height;
	double extent_x, extent_y; /* where the picture ends: at the last column, row or within */
};

/* Has the library look at the machine. */
void resample_prepare(void);

/*
 * Begins, from one size to another, each at least 1, which is not larger. Returns 0, -ENOMEM,
 * or -EIO when the library cannot do it. End it by resample_close().
 */
int resample_open(struct resample **resample, unsigned planes, const struct resample_size *from,
	uint32_t width, uint32_t height);

/* Where row 0 to RESAMPLE_ROWS - 1 of what is given next goes. */
float *resample_room(struct resample *resample, unsigned plane, unsigned row);

/* Takes so many rows of all planes from there. Returns as resample_open() does. */
int resample_take(struct resample *resample, unsigned rows);

/*
 * Makes rows, as many as what was taken is enough for, RESAMPLE_ROWS at most. Returns how many
 * there are in resample_row(), 0 to go on taking, or an error as resample_open() does. Call it
 * until it returns 0 before the next resample_take().
 */
int resample_make(struct resample *resample);

/* A row that was made last. */
const float *resample_row(const struct resample *resample, unsigned plane, unsigned row);

void resample_close(struct resample *resample);
