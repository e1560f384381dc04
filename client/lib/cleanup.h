/*
 * Cleanup at the end of a scope, for descriptors and memory that have not been given away.
 * Who gives one away sets the variable to -1 or NULL. Keeps errno.
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
