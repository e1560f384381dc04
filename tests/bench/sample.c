/*
 * Times of one thing done many times.
 */
#include "tests/bench/sample.h"

#include <err.h>
#include <stdlib.h>
#include <time.h>

uint64_t clock_now(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

void sample_add(struct sample *sample, double value)
{
	if (sample->count == sample->room) {
		sample->room = sample->room ? 2 * sample->room : 256;
		sample->values =
			reallocarray(sample->values, sample->room, sizeof(*sample->values));
		if (!sample->values)
			err(1, "samples");
	}
	sample->values[sample->count++] = value;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

double sample_quantile(struct sample *sample, double part)
{
	if (sample->count == 0)
		return 0;
	qsort(sample->values, sample->count, sizeof(*sample->values), compare);
	size_t place = (size_t)(part * (double)sample->count);
	return sample->values[place < sample->count ? place : sample->count - 1];
}

void sample_free(struct sample *sample)
{
	free(sample->values);
	*sample = (struct sample){0};
}
