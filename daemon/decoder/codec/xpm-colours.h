/*
 * The colour names of X11, as in its rgb.txt.
 */
#pragma once

#include <stdint.h>

/*
 * Finds a colour by its name and sets *value to 0xRRGGBB. Case and spaces do not matter, nor
 * whether it is "grey" or "gray". Returns 0, or -EINVAL if there is no such name.
 */
int xpm_colour_from_string(const char *name, uint32_t *value);
