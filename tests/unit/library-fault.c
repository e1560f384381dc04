/*
 * Fails one call of the C library, among those of the library, and in the thread alone that
 * has asked for it: the fake daemon runs in another one.
 * See fault.h for what it does and never does.
 */
#include "tests/unit/fault.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>

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
#define WRAP_TABLE(X)                                                                              \
	X(void *, calloc, NULL, ENOMEM, (size_t a, size_t b), (a, b))                              \
	X(void *, malloc, NULL, ENOMEM, (size_t a), (a))                                           \
	X(void *, reallocarray, NULL, ENOMEM, (void *a, size_t b, size_t c), (a, b, c))            \
	X(char *, strdup, NULL, ENOMEM, (const char *a), (a))                                      \
	X(char *, realpath, NULL, ENOMEM, (const char *a, char *b), (a, b))                        \
	X(int, socket, -1, EMFILE, (int a, int b, int c), (a, b, c))                               \
	X(int, connect, -1, ENOMEM, (int a, const struct sockaddr *b, socklen_t c), (a, b, c))     \
	X(int, getsockopt, -1, ENOBUFS, (int a, int b, int c, void *d, socklen_t *e),              \
		(a, b, c, d, e))                                                                   \
	X(int, setsockopt, -1, ENOMEM, (int a, int b, int c, const void *d, socklen_t e),          \
		(a, b, c, d, e))                                                                   \
	X(ssize_t, sendmsg, -1, ENOBUFS, (int a, const struct msghdr *b, int c), (a, b, c))        \
	X(ssize_t, recvmsg, -1, ENOMEM, (int a, struct msghdr *b, int c), (a, b, c))               \
	X(int, poll, -1, ENOMEM, (struct pollfd * a, nfds_t b, int c), (a, b, c))                  \
	X(int, fstat64, -1, EIO, (int a, struct stat64 *b), (a, b))                                \
	X(ssize_t, pread64, -1, EIO, (int a, void *b, size_t c, off64_t d), (a, b, c, d))          \
	X(int, shm_open, -1, EMFILE, (const char *a, int b, mode_t c), (a, b, c))                  \
	X(void *, mmap64, MAP_FAILED, ENOMEM, (void *a, size_t b, int c, int d, int e, off64_t f), \
		(a, b, c, d, e, f))

#define X(type, name, failure, error, parameters, arguments) \
	type __real_##name parameters;                       \
	type __wrap_##name parameters;                       \
	type __wrap_##name parameters                        \
	{                                                    \
		if (fails(#name, error))                     \
			return failure;                      \
		return __real_##name arguments;              \
	}
WRAP_TABLE(X)
#undef X

int __real_open64(const char *path, int flags, mode_t mode);
int __wrap_open64(const char *path, int flags, mode_t mode);
int __wrap_open64(const char *path, int flags, mode_t mode)
{
	return fails("open64", EMFILE) ? -1 : __real_open64(path, flags, mode);
}
