/*
 * A connection has a buffer only while it has bytes to receive or send, so idle connections cost no
 * buffer. A few unused buffers are kept, last in, first out: the next one is still in the CPU's
 * cache.
 */
#include "daemon/socket/buffer.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

#include "daemon/base/tiny.h"

enum { NEEDED = 2 /* an inbox and an outbox */, UNUSED_MAX = TINY(16, NEEDED) };

static void *buffer_unused[UNUSED_MAX];
static size_t buffer_count;

int buffer_prepare(void)
{
	while (buffer_count < NEEDED) {
		void *buffer = malloc(BUFFER_SIZE);
		if (!buffer)
			return -ENOMEM;
		buffer_put(buffer);
	}
	return 0;
}

void *buffer_get(void)
{
	return buffer_count > 0 ? buffer_unused[--buffer_count] : malloc(BUFFER_SIZE);
}

void buffer_put(void *buffer)
{
	if (buffer_count < UNUSED_MAX)
		buffer_unused[buffer_count++] = buffer;
	else
		free(buffer);
}

void buffer_trim(void)
{
	while (buffer_count > 0)
		free(buffer_unused[--buffer_count]);
}
