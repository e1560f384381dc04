/*
 * The ways to draw a picture in a terminal: one table, one file each. They get pixels of the
 * size that they are to have, and a stream; they know of no image and no daemon.
 */
#pragma once

#include <stdbool.h>
#include <stdio.h>

#include "client/ctl/pixmap.h"
#include "client/ctl/terminal.h"

/* What a pixel is in the terminal. */
enum draw_unit {
	DRAW_PIXEL,
	DRAW_HALF_CELL, /* the upper or the lower half of a character */
	DRAW_CELL,	/* a character */
};

struct drawing {
	FILE *out;
	const struct pixmap *pixmap;
	/* Of kitty: that to which out goes, if it takes shared memory; else NULL. */
	struct terminal *terminal;
};

struct draw_mode {
	const char *word; /* as --mode has it */
	enum draw_unit unit;
	bool has_alpha; /* else every pixel must be opaque */
	/* Returns 0 or a negative errno; of out, ferror(3) tells. */
	int (*draw)(const struct drawing *drawing);
};

/* Where a picture shall fit in. */
struct draw_area {
	unsigned columns, rows;
	unsigned cell_width, cell_height; /* pixels */
	bool enlarge;			  /* fill it; else no pixel gets larger */
};

/* The mode of a word, or NULL. */
const struct draw_mode *draw_mode_from_string(const char *word);

/* The best mode for what a terminal can do. is_terminal: there is one. */
const struct draw_mode *draw_mode_choose(const struct terminal_traits *traits, bool is_terminal);

/* The size, in units of the mode, of a picture of width x height; at least 1 x 1. */
void draw_fit(const struct draw_mode *mode, const struct draw_area *area, uint32_t *width,
	uint32_t *height);

int draw_kitty(const struct drawing *drawing);
int draw_sixel(const struct drawing *drawing);
int draw_blocks(const struct drawing *drawing);
int draw_blocks256(const struct drawing *drawing);
int draw_plain(const struct drawing *drawing);
