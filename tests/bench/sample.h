/*
 * Times of one thing done many times: noted in nanoseconds, told as median and 99th percentile.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct sample {
	double *values;
	size_t count;
	size_t room;
};

/* Now, in nanoseconds of CLOCK_MONOTONIC. */
uint64_t clock_now(void);

/* Notes a value; ends the program when there is no memory. */
void sample_add(struct sample *sample, double value);

/* The value below which a part of all are; sorts the sample. 0 when there is none. */
double sample_quantile(struct sample *sample, double part);

void sample_free(struct sample *sample);
