/*
 * What the wrapped calls of one program share: counting, and the calls that both the daemon
 * and the library make. Included by the one file of the program that lists its other calls.
 * It fails calls only in the thread that has asked for it.
 */
#pragma once

#include "tests/unit/fault.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>

static _Thread_local unsigned countdown; /* 0: none fails */
static bool failed;
static const char *failed_name = "";

void fault_arm(unsigned n)
{
	countdown = n;
	failed = false;
}

bool fault_disarm(void)
{
	countdown = 0;
	return failed;
}

const char *fault_name(void)
{
	return failed_name;
}

static bool fails(const char *name, int error)
{
	if (countdown == 0 || --countdown > 0)
		return false;
	failed = true;
	failed_name = name;
	errno = error;
	return true;
}

/* Result, function, what a failed call returns, errno, parameters, arguments. */
#define FAULT_TABLE_BOTH(X)                                                                        \
	X(void *, calloc, NULL, ENOMEM, (size_t a, size_t b), (a, b))                              \
	X(void *, reallocarray, NULL, ENOMEM, (void *a, size_t b, size_t c), (a, b, c))            \
	X(int, fstat64, -1, EIO, (int a, struct stat64 *b), (a, b))                                \
	X(ssize_t, send, -1, ENOBUFS, (int a, const void *b, size_t c, int d), (a, b, c, d))       \
	X(ssize_t, sendmsg, -1, ENOBUFS, (int a, const struct msghdr *b, int c), (a, b, c))        \
	X(int, shm_open, -1, EMFILE, (const char *a, int b, mode_t c), (a, b, c))                  \
	X(void *, mmap64, MAP_FAILED, ENOMEM, (void *a, size_t b, int c, int d, int e, off64_t f), \
		(a, b, c, d, e, f))

#define FAULT_WRAP(type, name, failure, error, parameters, arguments) \
	type __real_##name parameters;                                \
	type __wrap_##name parameters;                                \
	type __wrap_##name parameters                                 \
	{                                                             \
		if (fails(#name, error))                              \
			return failure;                               \
		return __real_##name arguments;                       \
	}
FAULT_TABLE_BOTH(FAULT_WRAP)

int __real_open64(const char *path, int flags, mode_t mode);
int __wrap_open64(const char *path, int flags, mode_t mode);
int __wrap_open64(const char *path, int flags, mode_t mode)
{
	return fails("open64", EMFILE) ? -1 : __real_open64(path, flags, mode);
}
