/*
 * Globs over names of images: '*' any bytes, '/' included; '?' one character of UTF-8;
 * '[a-z]', '[!a-z]' one of a set; '\' takes the special sense from what follows. In time
 * that is at most pattern x name, whatever the pattern: fnmatch(3) does not promise that.
 */
#pragma once

#include <stdbool.h>

bool glob_matches(const char *pattern, const char *name);
