/*
 * The progress bar of load.
 */
#include "client/ctl/progress.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "client/ctl/text.h"

#define REDRAW_SECONDS 0.05

enum { BAR_WIDTH = 20, LINE_SIZE = 2048, NAME_MIN = 8 };

double progress_clock(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* The fraction that is done, by bytes: a photograph takes longer than an icon. */
static double progress_fraction(const struct progress *progress)
{
	if (progress->total_bytes && progress->done < progress->total)
		return (double)progress->done_bytes / (double)progress->total_bytes;
	return progress->total ? (double)progress->done / progress->total : 0;
}

static void progress_compose_bar(char bar[BAR_WIDTH + 1], double part)
{
	int full = (int)(part * BAR_WIDTH);
	for (int i = 0; i < BAR_WIDTH; i++)
		bar[i] = i < full ? '#' : '-';
	bar[BAR_WIDTH] = '\0';
}

void progress_compose(
	const struct progress *progress, double elapsed, unsigned columns, char *line, size_t size)
{
	char bar[BAR_WIDTH + 1];
	double part = progress_fraction(progress);
	progress_compose_bar(bar, part);
	char facts[128];
	int length = snprintf(facts, sizeof(facts), "[%s] %u/%u  %s", bar, progress->done,
		progress->total, text_bytes(progress->pixel_bytes).data);
	if (progress->done && elapsed > 0 && part > 0)
		snprintf(facts + length, sizeof(facts) - (size_t)length, "  %.1f/s  %s left",
			progress->done / elapsed, text_clock(elapsed * (1 - part) / part).data);
	unsigned used = text_fit(line, size, facts, columns, false);
	if (!progress->current || used + 2 + NAME_MIN > columns)
		return;
	char name[LINE_SIZE];
	text_fit(name, sizeof(name), progress->current, columns - used - 2, true);
	size_t end = strlen(line);
	snprintf(line + end, size - end, "  %s", name);
}

void progress_draw(struct progress *progress)
{
	double now = progress_clock();
	if (!progress->shown || now - progress->drawn_at < REDRAW_SECONDS)
		return;
	char line[LINE_SIZE];
	unsigned columns = text_columns(STDERR_FILENO);
	/* A line that fills the last column would wrap in some terminals. */
	progress_compose(
		progress, now - progress->begun, columns ? columns - 1 : 79, line, sizeof(line));
	text_make_safe(line);
	fprintf(stderr, "\r%s\033[K", line);
	fflush(stderr);
	progress->drawn = true;
	progress->drawn_at = now;
}

void progress_clear(struct progress *progress)
{
	if (!progress->drawn)
		return;
	fputs("\r\033[K", stderr);
	fflush(stderr);
	progress->drawn = false;
}
