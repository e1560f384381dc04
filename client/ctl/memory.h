/*
 * Memory for a program that runs for a moment: what cannot be had ends the program with a
 * message. Never used between daemon and decoder, nor by the library.
 */
#pragma once

#include <stddef.h>

/* count members of size bytes, zeroed; for free(). */
void *memory_array(size_t count, size_t size);

/* A copy of a text, for free(); NULL for NULL. */
char *memory_copy(const char *text);

/*
 * Makes room for one more member: grows *array, which has *room members of size bytes and
 * holds count of them.
 */
void *memory_grow(void *array, size_t count, size_t *room, size_t size);
