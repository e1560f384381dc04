/*
 * The pixels of the PNG files that are many: 8 bits, not interlaced, no transparent colour.
 * Inflated by ISA-L and unfiltered in a processor's cache. Says nothing of a file's faults: what
 * it does not take, or gives up, is for libpng to decode or to refuse.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <png.h>

struct target;
struct picture;

/*
 * Decodes all pixels and the rest of the file, of which libpng has just read all up to the
 * data of the first IDAT. Returns whether it could. If not, the input is where it was, and
 * *drawn rows are on the canvas, the first ones, just as libpng would have made them.
 */
bool png_fast_decode(png_structp codec, png_infop info, struct picture *picture,
	struct target *target, uint32_t *drawn);
