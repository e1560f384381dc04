/*
 * Reads the eXIf chunk of a PNG file (PNG 3rd edition, 11.3.4.5), wherever it is in the file.
 */
#pragma once

#include "daemon/decoder/file/picture.h"

/*
 * Adds the data of the first eXIf chunk as a block and sets the orientation. Ignores a chunk
 * that is broken, and all other faults of the file. Returns 0, or a negative errno after
 * picture_fail().
 */
int png_exif_read(struct picture *picture);
