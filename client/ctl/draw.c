/*
 * The table of drawing modes, the choice of a mode, and the size of the drawn picture.
 */
#include "client/ctl/draw.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Pixels of a side, whatever size the user asks for: bounds the memory. */
enum { SIDE_MAX = 8192 };

enum mode { KITTY, SIXEL, BLOCKS, BLOCKS256, PLAIN, MODES };

static const struct draw_mode modes[MODES] = {
	[KITTY] = {"kitty", DRAW_PIXEL, true, draw_kitty},
	[SIXEL] = {"sixel", DRAW_PIXEL, false, draw_sixel},
	[BLOCKS] = {"blocks", DRAW_HALF_CELL, false, draw_blocks},
	[BLOCKS256] = {"blocks256", DRAW_HALF_CELL, false, draw_blocks256},
	[PLAIN] = {"plain", DRAW_CELL, false, draw_plain},
};

const struct draw_mode *draw_mode_from_string(const char *word)
{
	for (size_t i = 0; i < MODES; i++) {
		if (strcmp(word, modes[i].word) == 0)
			return &modes[i];
	}
	return NULL;
}

static bool draw_has_all_colours(const char *term)
{
	const char *colours = getenv("COLORTERM");
	if (colours && (strcmp(colours, "truecolor") == 0 || strcmp(colours, "24bit") == 0))
		return true;
	return strstr(term, "direct") != NULL;
}

const struct draw_mode *draw_mode_choose(const struct terminal_traits *traits, bool is_terminal)
{
	const char *term = getenv("TERM");
	if (!is_terminal || !term || !*term || strcmp(term, "dumb") == 0)
		return &modes[PLAIN];
	if (traits->kitty)
		return &modes[KITTY];
	if (traits->sixel)
		return &modes[SIXEL];
	return &modes[draw_has_all_colours(term) ? BLOCKS : BLOCKS256];
}

static uint32_t draw_round_side(double side, double max)
{
	return (uint32_t)fmax(1, fmin(round(side), max));
}

void draw_fit(const struct draw_mode *mode, const struct draw_area *area, uint32_t *width,
	uint32_t *height)
{
	double columns = area->columns, rows = area->rows;
	double aspect = (double)area->cell_height / area->cell_width; /* height of a unit */
	if (mode->unit == DRAW_PIXEL) {
		columns = fmin(columns * area->cell_width, SIDE_MAX);
		rows = fmin(rows * area->cell_height, SIDE_MAX);
		aspect = 1;
	} else if (mode->unit == DRAW_HALF_CELL) {
		rows *= 2;
		aspect /= 2;
	}
	double scale = fmin(columns / *width, rows * aspect / *height);
	if (!area->enlarge)
		scale = fmin(scale, 1);
	*width = draw_round_side(*width * scale, columns);
	*height = draw_round_side(*height * scale / aspect, rows);
}
