/*
 * Fails one call of the C library.
 */
#include "tests/unit/fault-wrap.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/acl.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <systemd/sd-event.h>
#include <unistd.h>

/* Result, function, what a failed call returns, errno, parameters, arguments. */
#define WRAP_TABLE(X)                                                                            \
	X(int, fchmod, -1, EPERM, (int a, mode_t b), (a, b))                                     \
	X(int, ftruncate64, -1, ENOSPC, (int a, off64_t b), (a, b))                              \
	X(int, fallocate64, -1, ENOSPC, (int a, int b, off64_t c, off64_t d), (a, b, c, d))      \
	X(ssize_t, pwrite64, -1, ENOSPC, (int a, const void *b, size_t c, off64_t d),            \
		(a, b, c, d))                                                                    \
	X(int, linkat, -1, ENOSPC, (int a, const char *b, int c, const char *d, int e),          \
		(a, b, c, d, e))                                                                 \
	X(ssize_t, getrandom, -1, ENOSYS, (void *a, size_t b, unsigned c), (a, b, c))            \
	X(int, semget, -1, ENOSPC, (key_t a, int b, int c), (a, b, c))                           \
	X(int, statx, -1, EIO, (int a, const char *b, int c, unsigned d, struct statx *e),       \
		(a, b, c, d, e))                                                                 \
	X(acl_t, acl_init, NULL, ENOMEM, (int a), (a))                                           \
	X(int, acl_create_entry, -1, ENOMEM, (acl_t * a, acl_entry_t * b), (a, b))               \
	X(int, acl_set_qualifier, -1, ENOMEM, (acl_entry_t a, const void *b), (a, b))            \
	X(int, acl_set_fd, -1, EOPNOTSUPP, (int a, acl_t b), (a, b))                             \
	X(int, inotify_init1, -1, EMFILE, (int a), (a))                                          \
	X(int, inotify_add_watch, -1, ENOSPC, (int a, const char *b, uint32_t c), (a, b, c))     \
	X(ssize_t, readlinkat, -1, EIO, (int a, const char *b, char *c, size_t d), (a, b, c, d)) \
	X(int, socketpair, -1, EMFILE, (int a, int b, int c, int *d), (a, b, c, d))              \
	X(int, eventfd, -1, EMFILE, (unsigned a, int b), (a, b))                                 \
	X(int, pthread_attr_init, ENOMEM, 0, (pthread_attr_t * a), (a))                          \
	X(int, pthread_create, EAGAIN, 0,                                                        \
		(pthread_t * a, const pthread_attr_t *b, void *(*c)(void *), void *d),           \
		(a, b, c, d))                                                                    \
	X(int, posix_spawnattr_init, ENOMEM, 0, (posix_spawnattr_t * a), (a))                    \
	X(int, posix_spawn_file_actions_init, ENOMEM, 0, (posix_spawn_file_actions_t * a), (a))  \
	X(int, posix_spawn, EAGAIN, 0,                                                           \
		(pid_t * a, const char *b, const posix_spawn_file_actions_t *c,                  \
			const posix_spawnattr_t *d, char *const e[], char *const f[]),           \
		(a, b, c, d, e, f))                                                              \
	X(int, sd_event_add_io, -ENOMEM, 0,                                                      \
		(sd_event * a, sd_event_source * *b, int c, uint32_t d, sd_event_io_handler_t e, \
			void *f),                                                                \
		(a, b, c, d, e, f))                                                              \
	X(int, sd_event_add_inotify_fd, -ENOSPC, 0,                                              \
		(sd_event * a, sd_event_source * *b, int c, uint32_t d,                          \
			sd_event_inotify_handler_t e, void *f),                                  \
		(a, b, c, d, e, f))                                                              \
	X(int, sd_event_add_time_relative, -ENOMEM, 0,                                           \
		(sd_event * a, sd_event_source * *b, clockid_t c, uint64_t d, uint64_t e,        \
			sd_event_time_handler_t f, void *g),                                     \
		(a, b, c, d, e, f, g))                                                           \
	X(int, sd_event_add_child, -ENOMEM, 0,                                                   \
		(sd_event * a, sd_event_source * *b, pid_t c, int d, sd_event_child_handler_t e, \
			void *f),                                                                \
		(a, b, c, d, e, f))                                                              \
	X(int, sd_event_add_defer, -ENOMEM, 0,                                                   \
		(sd_event * a, sd_event_source * *b, sd_event_handler_t c, void *d), (a, b, c, d))

WRAP_TABLE(FAULT_WRAP)

int __real_openat64(int folder, const char *path, int flags, mode_t mode);
int __wrap_openat64(int folder, const char *path, int flags, mode_t mode);
int __wrap_openat64(int folder, const char *path, int flags, mode_t mode)
{
	return fails("openat64", EMFILE) ? -1 : __real_openat64(folder, path, flags, mode);
}

/* fcntl(2) where it makes a descriptor; else it cannot fail. */
int __real_fcntl64(int fd, int command, long argument);
int __wrap_fcntl64(int fd, int command, long argument);
int __wrap_fcntl64(int fd, int command, long argument)
{
	bool makes = command == F_DUPFD_CLOEXEC;
	return makes && fails("fcntl64", EMFILE) ? -1 : __real_fcntl64(fd, command, argument);
}

/* semctl(2) with the argument that it has in these commands; others cannot fail. */
int __real_semctl(int id, int index, int command, void *argument);
int __wrap_semctl(int id, int index, int command, void *argument);
int __wrap_semctl(int id, int index, int command, void *argument)
{
	bool makes = command == SETALL || command == IPC_STAT || command == IPC_SET;
	return makes && fails("semctl", EPERM) ? -1 : __real_semctl(id, index, command, argument);
}
