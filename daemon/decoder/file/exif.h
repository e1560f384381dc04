/*
 * Reads the two facts of EXIF that matter for pixels (CIPA DC-008, TIFF 6.0).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct exif {
	unsigned orientation; /* 1 to 8; 1 if it is missing or invalid */
	bool srgb;	      /* ColorSpace is sRGB */
};

/* Reads EXIF data that begins with the TIFF header. Any bytes are safe. */
struct exif exif_read(const uint8_t *data, size_t size);
