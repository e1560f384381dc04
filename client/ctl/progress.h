/*
 * The progress bar of load: composes its line, draws it on a terminal at most some twenty
 * times a second and takes it away. Never touches standard output.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct progress {
	bool shown;	      /* whether there is a terminal to draw on, and it is wanted */
	bool drawn;	      /* whether the line is there now */
	double begun;	      /* seconds, by the monotonic clock */
	double drawn_at;      /* the same */
	unsigned total;	      /* files */
	unsigned done;	      /* files */
	uint64_t total_bytes; /* of all files */
	uint64_t done_bytes;  /* of files that are done */
	uint64_t pixel_bytes; /* of pixels that are loaded */
	const char *current;  /* file under way, or NULL */
};

/* Seconds by the monotonic clock. */
double progress_clock(void);

/*
 * Composes the line for a terminal with so many columns: bar, files, pixels, rate, time
 * left, and as much of the current file's name as fits.
 */
void progress_compose(
	const struct progress *progress, double elapsed, unsigned columns, char *line, size_t size);

/* Draws the line, unless it was drawn a moment ago. */
void progress_draw(struct progress *progress);

/* Takes the line away, before something else is printed. */
void progress_clear(struct progress *progress);
