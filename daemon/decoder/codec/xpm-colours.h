/*
 * The colour names of X11, as its rgb.txt has them. Holds the table, reads no file and
 * asks no X server.
 */
#pragma once

#include <stdint.h>

/*
 * Finds a name, whatever its case and spaces, "grey" or "gray": *value becomes 0xRRGGBB.
 * Returns 0, or -EINVAL for what is no such name.
 */
int xpm_colour_from_string(const char *name, uint32_t *value);
