/*
 * The eXIf chunk of a PNG file (PNG 3rd edition, 11.3.4.5), which may come after the
 * pixels, where the header is of no more use: found by stepping over all other chunks.
 */
#pragma once

#include "daemon/decoder/file/picture.h"

/*
 * Adds what the first whole eXIf chunk holds as a block, and applies its orientation.
 * Leaves all other faults of the file to be found by the codec. Returns 0 or, having
 * failed the picture, a negative errno.
 */
int png_exif_read(struct picture *picture);
