/*
 * A picture of a size of one's own: RGBA of 8 bits, straight alpha, rows without a gap. Made
 * from a raster in whatever format; knows of no terminal.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "client/ctl/raster.h"

struct pixmap {
	uint32_t width;
	uint32_t height;
	uint8_t *pixels; /* width x height x 4; for pixmap_clear() */
};

/*
 * Makes a picture of a raster. Each pixel is the mean of those that it covers, weighted by
 * their alpha; where the picture is larger than the raster, it is the nearest.
 */
void pixmap_scale(
	struct pixmap *pixmap, const struct raster *raster, uint32_t width, uint32_t height);

/* Puts the picture on a colour, R G B: every pixel is opaque then. */
void pixmap_flatten(struct pixmap *pixmap, const uint8_t background[3]);

/* A pixel: R G B A. */
const uint8_t *pixmap_at(const struct pixmap *pixmap, uint32_t x, uint32_t y);

void pixmap_clear(struct pixmap *pixmap);
