/*
 * A raster: pixels in plain memory, which it does not own, and their rows in the forms that file
 * formats and terminals need.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/protocol/format.h"

struct raster {
	const void *pixels;
	uint32_t width;
	uint32_t height;
	size_t stride; /* bytes from one row to the next */
	enum format format;
	const void *icc; /* colour profile, or NULL */
	size_t icc_size;
};

/* 1 (grey), 3 (RGB) or 4 (RGBA). */
unsigned raster_channels(const struct raster *raster);

/* Bits of a channel: 8 or 16. */
unsigned raster_depth(const struct raster *raster);

/* Bytes of a row without padding. */
size_t raster_row_bytes(const struct raster *raster);

/* A row in the raster's own format. */
const void *raster_row(const struct raster *raster, uint32_t y);

/*
 * A row with channels in the order R G B A and straight alpha, in its own depth. Returns the row
 * itself, or scratch, which has raster_row_bytes() bytes.
 */
const void *raster_straight_row(const struct raster *raster, uint32_t y, void *scratch);

/*
 * A row of 8 bits a channel without alpha, in out: width x 3 bytes, or width x 1 of grey.
 * scratch as above.
 */
void raster_plain_row(const struct raster *raster, uint32_t y, void *scratch, uint8_t *out);

/* A row of 8 bits R G B A with straight alpha, in out: width x 4 bytes. scratch as above. */
void raster_rgba_row(const struct raster *raster, uint32_t y, void *scratch, uint8_t *out);

/* Whether every pixel is opaque. */
bool raster_is_opaque(const struct raster *raster);
