/*
 * The colours that stand for all those of a picture where a terminal has few: median cut
 * (P. Heckbert, Color Image Quantization for Frame Buffer Display, 1982) of a histogram of 5
 * bits a channel. Alpha is not looked at.
 */
#pragma once

#include <stdint.h>

#include "client/ctl/pixmap.h"

enum { PALETTE_MAX = 256, PALETTE_CELLS = 1 << 15 };

struct palette {
	unsigned count;
	uint8_t colours[PALETTE_MAX][3];
	uint8_t places[PALETTE_CELLS]; /* the colour for each cell of the histogram */
};

/* At most PALETTE_MAX colours for a picture. For free(). */
struct palette *palette_make(const struct pixmap *pixmap);

/* The number of the colour that stands for a pixel of that picture. */
unsigned palette_place(const struct palette *palette, const uint8_t *pixel);
