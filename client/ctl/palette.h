/*
 * The palette of a picture: at most 256 colours that stand for all colours of it. Alpha is ignored.
 */
#pragma once

#include <stdint.h>

#include "client/ctl/pixmap.h"

enum { PALETTE_MAX = 256, PALETTE_CELLS = 1 << 15 };

struct palette {
	unsigned count;
	uint8_t colours[PALETTE_MAX][3];
	uint8_t indices[PALETTE_CELLS]; /* the colour of each cell of the histogram */
};

/* Makes the palette of a picture. Free it with free(3). */
struct palette *palette_make(const struct pixmap *pixmap);

/* The index of the colour that stands for a pixel of that picture. */
unsigned palette_index(const struct palette *palette, const uint8_t *pixel);
