/*
 * The modes of drawing a picture in a terminal: a table, and a file for each mode. A mode gets
 * pixels in their final size, and a stream.
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
	/* For kitty: the terminal of out, if it can read shared memory; else NULL. */
	struct terminal *terminal;
};

struct draw_mode {
	const char *word; /* the argument of --mode */
	enum draw_unit unit;
	bool has_alpha; /* otherwise every pixel must be opaque */
	/* Returns 0 or a negative errno. Errors of out are left to ferror(3). */
	int (*draw)(const struct drawing *drawing);
};

/* The area into which a picture is fitted. */
struct draw_area {
	unsigned columns, rows;
	unsigned cell_width, cell_height; /* pixels */
	bool enlarge;			  /* also enlarge the picture to fill the area */
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
