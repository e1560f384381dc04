/*
 * The two facts of EXIF that matter to pixels (CIPA DC-008, TIFF 6.0). Reads inside its
 * bounds whatever the bytes say, follows two directories at most, and changes nothing.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct exif {
	unsigned orientation; /* 1 to 8; 1 when nothing, or nonsense, is said */
	bool srgb;	      /* ColorSpace says sRGB */
};

/* Reads EXIF from its TIFF header on. */
struct exif exif_read(const uint8_t *data, size_t size);
