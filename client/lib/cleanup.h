/*
 * Closes descriptors and frees memory at the end of a scope. To pass one on, set the variable
 * to -1 or NULL. Keeps errno.
 */
#pragma once

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

static inline void cleanup_close(const int *fd)
{
	int error = errno;
	if (*fd >= 0)
		close(*fd);
	errno = error;
}

static inline void cleanup_free(void *pointer)
{
	free(*(void **)pointer);
}

#define CLOSED __attribute__((cleanup(cleanup_close)))
#define FREED  __attribute__((cleanup(cleanup_free)))
