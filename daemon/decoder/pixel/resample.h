/*
 * Makes planes of floats smaller by zimg, a few rows at a time, by a Lanczos filter of three
 * lobes. Knows neither pixels nor colours.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum { RESAMPLE_PLANES = 4, RESAMPLE_ROWS = 16 /* at most, at a time, in and out */ };

struct resample;

/* The size of a plane. */
struct resample_size {
	uint32_t width, height;
	double extent_x, extent_y; /* the end of the picture, inside the last column and row */
};

/* Lets the library detect the processor, before the sandbox forbids it. */
void resample_prepare(void);

/*
 * Begins, from one size to another that is at least 1 and not larger. Returns 0, -ENOMEM, or
 * -EIO if the library fails. In any case end it by resample_close().
 */
int resample_open(struct resample **resample, unsigned planes, const struct resample_size *from,
	uint32_t width, uint32_t height);

/* Where the caller puts the next rows, 0 to RESAMPLE_ROWS - 1, of a plane. */
float *resample_input_row(struct resample *resample, unsigned plane, unsigned row);

/* Adds the first rows there, of all planes, to the source. Returns as resample_open() does. */
int resample_push(struct resample *resample, unsigned rows);

/*
 * Makes up to RESAMPLE_ROWS rows, if the source has enough rows for them. Returns how many are in
 * resample_output_row(), 0 if it needs more of the source, or an error as resample_open() does.
 * Call it until it returns 0 before the next resample_push().
 */
int resample_pull(struct resample *resample);

/* One of the rows of the last resample_pull(). */
const float *resample_output_row(const struct resample *resample, unsigned plane, unsigned row);

void resample_close(struct resample *resample);
