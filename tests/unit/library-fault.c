/*
 * Fails one call of the C library, among those of the library, and in the thread alone that
 * has asked for it: the fake daemon runs in another one.
 */
#include "tests/unit/fault-wrap.h"

#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/types.h>

/* Result, function, what a failed call returns, errno, parameters, arguments. */
#define WRAP_TABLE(X)                                                                          \
	X(void *, malloc, NULL, ENOMEM, (size_t a), (a))                                       \
	X(char *, strdup, NULL, ENOMEM, (const char *a), (a))                                  \
	X(char *, realpath, NULL, ENOMEM, (const char *a, char *b), (a, b))                    \
	X(int, socket, -1, EMFILE, (int a, int b, int c), (a, b, c))                           \
	X(int, connect, -1, ENOMEM, (int a, const struct sockaddr *b, socklen_t c), (a, b, c)) \
	X(int, getsockopt, -1, ENOBUFS, (int a, int b, int c, void *d, socklen_t *e),          \
		(a, b, c, d, e))                                                               \
	X(int, setsockopt, -1, ENOMEM, (int a, int b, int c, const void *d, socklen_t e),      \
		(a, b, c, d, e))                                                               \
	X(ssize_t, recvmsg, -1, ENOMEM, (int a, struct msghdr *b, int c), (a, b, c))           \
	X(int, poll, -1, ENOMEM, (struct pollfd * a, nfds_t b, int c), (a, b, c))              \
	X(ssize_t, pread64, -1, EIO, (int a, void *b, size_t c, off64_t d), (a, b, c, d))

WRAP_TABLE(FAULT_WRAP)
