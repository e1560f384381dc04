/*
 * Numbers that nobody can guess.
 */
#include "daemon/base/random.h"

#include <errno.h>
#include <stdio.h>
#include <sys/random.h>

int random_fill(void *buffer, size_t size)
{
	char *next = buffer;
	while (size > 0) {
		ssize_t count = getrandom(next, size, 0);
		if (count < 0 && errno != EINTR)
			return -errno;
		if (count > 0) {
			next += count;
			size -= (size_t)count;
		}
	}
	return 0;
}

int random_hex(char *text, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++) {
		unsigned char byte;
		int r = random_fill(&byte, 1);
		if (r < 0)
			return r;
		sprintf(text + 2 * i, "%02x", byte);
	}
	return 0;
}
