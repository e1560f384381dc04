/*
 * Buffers of one size.
 */
#include "daemon/socket/buffer.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

enum { RESTING_MAX = 16, NEEDED = 2 /* an inbox and an outbox */ };

static void *resting[RESTING_MAX];
static size_t resting_count;

int buffer_prepare(void)
{
	while (resting_count < NEEDED) {
		void *buffer = malloc(BUFFER_SIZE);
		if (!buffer)
			return -ENOMEM;
		buffer_give(buffer);
	}
	return 0;
}

void *buffer_take(void)
{
	return resting_count > 0 ? resting[--resting_count] : malloc(BUFFER_SIZE);
}

void buffer_give(void *buffer)
{
	if (resting_count < RESTING_MAX)
		resting[resting_count++] = buffer;
	else
		free(buffer);
}

void buffer_trim(void)
{
	while (resting_count > 0)
		free(resting[--resting_count]);
}
