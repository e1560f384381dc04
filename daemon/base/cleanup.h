/*
 * Cleanup attributes: what a block owns is given back at its end, on every path.
 * Ownership that moves on leaves -1 behind (take_fd).
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

static inline int take_fd(int *fd)
{
	int taken = *fd;
	*fd = -1;
	return taken;
}

#define OWN_FD	   __attribute__((cleanup(cleanup_close)))
#define OWN_MEMORY __attribute__((cleanup(cleanup_free)))
