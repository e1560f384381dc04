/*
 * Attributes for variables that own a descriptor or memory: it is closed or freed at the end of the
 * variable's block, on every path.
 */
#pragma once

#include <stdlib.h>
#include <unistd.h>

static inline void cleanup_close(const int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void cleanup_free(void *pointer)
{
	free(*(void **)pointer);
}

/* Returns the descriptor for a new owner, and sets the variable to -1. */
static inline int take_fd(int *fd)
{
	int moved = *fd;
	*fd = -1;
	return moved;
}

#define OWN_FD	   __attribute__((cleanup(cleanup_close)))
#define OWN_MEMORY __attribute__((cleanup(cleanup_free)))
