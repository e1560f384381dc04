/*
 * Numbers that nobody can guess, from the kernel. Keeps no state.
 */
#pragma once

#include <stddef.h>

/* Fills a buffer. Returns 0, or a negative errno when the kernel has none to give. */
int random_fill(void *buffer, size_t size);

/* Writes bytes x 2 hexadecimal digits and NUL. Returns as random_fill(). */
int random_hex(char *text, size_t bytes);
