/*
 * Random numbers from the kernel, which nobody can guess: random(7).
 */
#pragma once

#include <stddef.h>

/* Fills a buffer. Returns 0, or the negative errno of getrandom(2). */
int random_fill(void *buffer, size_t size);

/* Writes 2 x bytes hexadecimal digits and NUL. Returns the same as random_fill(). */
int random_hex(char *text, size_t bytes);
