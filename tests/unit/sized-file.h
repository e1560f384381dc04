/*
 * Files that are known again by their sizes, when they have gone through a socket.
 */
#pragma once

#include <errno.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/unit.h"

static inline int make_file(off_t size)
{
	int fd = memfd_create("test", MFD_CLOEXEC);
	assert_return_code(fd, errno);
	assert_return_code(ftruncate(fd, size), errno);
	return fd;
}

static inline off_t size_of(int fd)
{
	struct stat status;
	return fstat(fd, &status) < 0 ? -1 : status.st_size;
}
