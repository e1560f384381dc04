/*
 * Writes EXIF for tests.
 */
#pragma once

#include "tests/unit/decoder-harness.h"

/* From the TIFF header on; to be freed. srgb: with ColorSpace in a directory of its own. */
struct bytes exif_write(unsigned orientation, bool srgb, bool big_endian);
