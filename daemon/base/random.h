/*
 * Numbers that nobody can guess, from the kernel: random(7).
 */
#pragma once

#include <stddef.h>

/* Fills a buffer. Returns 0, or a negative errno when the kernel has none to give. */
int random_fill(void *buffer, size_t size);

/* Writes 2 x bytes hexadecimal digits and NUL. Returns as random_fill(). */
int random_hex(char *text, size_t bytes);
