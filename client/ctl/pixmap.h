/*
 * A pixmap: a picture scaled to a chosen size, with 8-bit RGBA, straight alpha, and rows without
 * gaps. It is made from a raster of any format.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "client/ctl/raster.h"

struct pixmap {
	uint32_t width;
	uint32_t height;
	uint8_t *pixels; /* width x height x 4 bytes */
};

/*
 * Makes a pixmap of a raster. Each pixel is the mean of the pixels that it covers, weighted by
 * their alpha; when the pixmap is larger than the raster, it is the nearest pixel. Free with
 * pixmap_clear().
 */
void pixmap_scale(
	struct pixmap *pixmap, const struct raster *raster, uint32_t width, uint32_t height);

/* Puts the picture on a background of one colour, R G B, so that every pixel is opaque. */
void pixmap_flatten(struct pixmap *pixmap, const uint8_t background[3]);

/* A pixel: R G B A. */
const uint8_t *pixmap_at(const struct pixmap *pixmap, uint32_t x, uint32_t y);

void pixmap_clear(struct pixmap *pixmap);
