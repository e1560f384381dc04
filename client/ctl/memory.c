/*
 * Memory, checked.
 */
#include "client/ctl/memory.h"

#include <stdlib.h>
#include <string.h>

#include "client/ctl/exit.h"
#include "client/ctl/message.h"

static void *memory_checked(void *memory)
{
	if (memory)
		return memory;
	message_print("out of memory");
	exit(EXIT_REFUSED);
}

void *memory_array(size_t count, size_t size)
{
	return memory_checked(calloc(count ? count : 1, size));
}

char *memory_copy(const char *text)
{
	return text ? memory_checked(strdup(text)) : NULL;
}

void *memory_grow(void *array, size_t count, size_t *capacity, size_t size)
{
	if (count < *capacity)
		return array;
	*capacity = *capacity ? 2 * *capacity : 16;
	return memory_checked(reallocarray(array, *capacity, size));
}
