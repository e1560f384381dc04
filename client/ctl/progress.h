/*
 * The progress bar of load, on standard error. It is drawn at most 20 times a second.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct progress {
	bool shown;	      /* whether the bar is to be drawn */
	bool drawn;	      /* whether the line is on the terminal now */
	double begun;	      /* seconds of the monotonic clock */
	double drawn_at;      /* seconds of the monotonic clock */
	unsigned total;	      /* files */
	unsigned done;	      /* files */
	uint64_t total_bytes; /* of all files */
	uint64_t done_bytes;  /* of files that are done */
	uint64_t pixel_bytes; /* of pixels that are loaded */
	const char *current;  /* the file that was started last, or NULL */
};

/* Seconds of the monotonic clock. */
double progress_clock(void);

/*
 * Composes the line for a terminal with this many columns: bar, files, bytes of pixels, rate, time
 * left, and as much of the current file's name as fits.
 */
void progress_compose(
	const struct progress *progress, double elapsed, unsigned columns, char *line, size_t size);

/* Draws the line, unless it was drawn a moment ago. */
void progress_draw(struct progress *progress);

/* Removes the line, before other output. */
void progress_clear(struct progress *progress);
