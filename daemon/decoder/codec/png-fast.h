/*
 * Decodes the pixels of the most frequent kinds of PNG files: 8 bits, not interlaced, without a
 * transparent colour. Reports no errors: libpng decodes or refuses the file if this cannot.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <png.h>

struct target;
struct picture;

/*
 * Decodes all pixels and reads the rest of the file. libpng has just read the head of the first
 * IDAT. Returns whether it could. If not, the input is where it was, and the first *drawn rows
 * are in the target, the same as libpng would have made them.
 */
bool png_fast_decode(png_structp codec, png_infop info, struct picture *picture,
	struct target *target, uint32_t *drawn);
