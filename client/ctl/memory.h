/*
 * Memory for a program that runs briefly: when there is none, the program ends with a message.
 */
#pragma once

#include <stddef.h>

/* count zeroed members of size bytes. Free with free(3). */
void *memory_array(size_t count, size_t size);

/* A copy of a text; NULL for NULL. Free with free(3). */
char *memory_copy(const char *text);

/*
 * Grows an array, if necessary, so that it can hold one member more than count. *capacity is the
 * number of members of size bytes that it can hold. Returns the array.
 */
void *memory_grow(void *array, size_t count, size_t *capacity, size_t size);
