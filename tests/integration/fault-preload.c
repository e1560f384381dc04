/*
 * Fails calls of the C library in a real daemon: an object for LD_PRELOAD. What to fail is
 * told through a page of a file that the test shares; see faults.py. Calls that only give
 * something back are never failed, nor those that cannot fail in a correct program.
 */
#undef _FILE_OFFSET_BITS /* open() and open64() are two functions here */
#pragma GCC visibility push(default)

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/sem.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/xattr.h>
#include <unistd.h>

/* Classes of faults, as in faults.py. */
enum { MEMORY = 1, SYSTEM = 2, INTERRUPT = 4 };

/* What the test and the daemon share: native words, as faults.py has them. */
struct page {
	uint32_t classes; /* that are counted and failed; 0: none */
	uint32_t first;	  /* number of the first call that fails, from 1 */
	uint32_t count;	  /* of calls that fail from there on */
	char only[32];	  /* only calls of this function, unless empty */
	uint32_t calls;	  /* counted since the test began to */
	uint32_t failed;  /* of these */
	char name[32];	  /* of the function that failed first */
};

_Static_assert(sizeof(struct page) == 84, "faults.py has other offsets");

static struct page *page;
static pthread_t main_thread;

__attribute__((constructor)) static void map_page(void)
{
	main_thread = pthread_self();
	const char *path = getenv("SHMIMG_FAULTS");
	int fd = path ? (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC) : -1;
	if (fd < 0)
		abort(); /* a test that fails nothing would show nothing */
	long place = syscall(SYS_mmap, NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (place < 0 && place > -4096)
		abort();
	page = (struct page *)place; /* NOLINT: the kernel's word for an address */
	close(fd);
}

/*
 * Whether a call of these classes fails now; it sets errno then. What other threads take memory
 * for is the C library's and a sanitizer's, at their beginning.
 */
static bool fails(const char *name, unsigned classes, int error)
{
	if (!page || !(page->classes & classes))
		return false;
	if (classes == MEMORY && !pthread_equal(pthread_self(), main_thread))
		return false;
	if (page->only[0] && strcmp(page->only, name) != 0)
		return false;
	uint32_t number = ++page->calls;
	if (number < page->first || number - page->first >= page->count)
		return false;
	if (page->failed++ == 0)
		strncpy(page->name, name, sizeof(page->name) - 1);
	errno = page->classes & classes & INTERRUPT ? EINTR : error;
	return true;
}

static void *next(const char *name)
{
	void *symbol = dlsym(RTLD_NEXT, name);
	if (!symbol)
		abort();
	return symbol;
}

/* Result, function, classes, errno, what a failed call returns, parameters, arguments. */
#define CALL_TABLE(X)                                                                              \
	X(void *, malloc, MEMORY, ENOMEM, NULL, (size_t a), (a))                                   \
	X(void *, calloc, MEMORY, ENOMEM, NULL, (size_t a, size_t b), (a, b))                      \
	X(void *, realloc, MEMORY, ENOMEM, NULL, (void *a, size_t b), (a, b))                      \
	X(int, access, SYSTEM, EIO, -1, (const char *a, int b), (a, b))                            \
	X(int, mkdir, SYSTEM, ENOSPC, -1, (const char *a, mode_t b), (a, b))                       \
	X(int, chmod, SYSTEM, EIO, -1, (const char *a, mode_t b), (a, b))                          \
	X(int, fchmod, SYSTEM, EIO, -1, (int a, mode_t b), (a, b))                                 \
	X(int, fsetxattr, SYSTEM, ENOSPC, -1,                                                      \
		(int a, const char *b, const void *c, size_t d, int e), (a, b, c, d, e))           \
	X(ssize_t, getxattr, SYSTEM, ENOMEM, -1,                                                   \
		(const char *a, const char *b, void *c, size_t d), (a, b, c, d))                   \
	X(ssize_t, readlink, SYSTEM, ENOMEM, -1, (const char *a, char *b, size_t c), (a, b, c))    \
	X(int, linkat, SYSTEM, ENOSPC, -1, (int a, const char *b, int c, const char *d, int e),    \
		(a, b, c, d, e))                                                                   \
	X(int, flock, SYSTEM | INTERRUPT, ENOLCK, -1, (int a, int b), (a, b))                      \
	X(int, ftruncate64, SYSTEM | INTERRUPT, EIO, -1, (int a, off64_t b), (a, b))               \
	X(int, fallocate64, SYSTEM | INTERRUPT, ENOSPC, -1, (int a, int b, off64_t c, off64_t d),  \
		(a, b, c, d))                                                                      \
	X(ssize_t, pwrite64, SYSTEM | INTERRUPT, ENOSPC, -1,                                       \
		(int a, const void *b, size_t c, off64_t d), (a, b, c, d))                         \
	X(ssize_t, pread64, SYSTEM | INTERRUPT, EIO, -1, (int a, void *b, size_t c, off64_t d),    \
		(a, b, c, d))                                                                      \
	X(ssize_t, read, INTERRUPT, EINTR, -1, (int a, void *b, size_t c), (a, b, c))              \
	X(int, fstat64, SYSTEM, EIO, -1, (int a, struct stat64 *b), (a, b))                        \
	X(int, stat64, SYSTEM, EIO, -1, (const char *a, struct stat64 *b), (a, b))                 \
	X(int, lstat64, SYSTEM, EIO, -1, (const char *a, struct stat64 *b), (a, b))                \
	X(int, statx, SYSTEM, EIO, -1, (int a, const char *b, int c, unsigned d, struct statx *e), \
		(a, b, c, d, e))                                                                   \
	X(int, statvfs64, SYSTEM | INTERRUPT, EIO, -1, (const char *a, struct statvfs64 *b),       \
		(a, b))                                                                            \
	X(DIR *, opendir, SYSTEM, EMFILE, NULL, (const char *a), (a))                              \
	X(struct dirent64 *, readdir64, SYSTEM, ENOMEM, NULL, (DIR * a), (a))                      \
	X(FILE *, fopen64, SYSTEM, EMFILE, NULL, (const char *a, const char *b), (a, b))           \
	X(int, shm_open, SYSTEM | INTERRUPT, EMFILE, -1, (const char *a, int b, mode_t c),         \
		(a, b, c))                                                                         \
	X(void *, mmap64, SYSTEM, ENOMEM, MAP_FAILED,                                              \
		(void *a, size_t b, int c, int d, int e, off64_t f), (a, b, c, d, e, f))           \
	X(ssize_t, getrandom, SYSTEM | INTERRUPT, ENOSYS, -1, (void *a, size_t b, unsigned c),     \
		(a, b, c))                                                                         \
	X(int, socket, SYSTEM, ENFILE, -1, (int a, int b, int c), (a, b, c))                       \
	X(int, socketpair, SYSTEM, EMFILE, -1, (int a, int b, int c, int d[2]), (a, b, c, d))      \
	X(int, bind, SYSTEM, ENOMEM, -1, (int a, const struct sockaddr *b, socklen_t c),           \
		(a, b, c))                                                                         \
	X(int, listen, SYSTEM, EADDRINUSE, -1, (int a, int b), (a, b))                             \
	X(int, accept4, SYSTEM | INTERRUPT, ENFILE, -1,                                            \
		(int a, struct sockaddr *b, socklen_t *c, int d), (a, b, c, d))                    \
	X(int, getsockopt, SYSTEM, ENOBUFS, -1, (int a, int b, int c, void *d, socklen_t *e),      \
		(a, b, c, d, e))                                                                   \
	X(ssize_t, send, SYSTEM | INTERRUPT, ENOBUFS, -1, (int a, const void *b, size_t c, int d), \
		(a, b, c, d))                                                                      \
	X(ssize_t, sendmsg, SYSTEM | INTERRUPT, ENOBUFS, -1,                                       \
		(int a, const struct msghdr *b, int c), (a, b, c))                                 \
	X(ssize_t, recv, SYSTEM | INTERRUPT, ENOMEM, -1, (int a, void *b, size_t c, int d),        \
		(a, b, c, d))                                                                      \
	X(ssize_t, recvmsg, SYSTEM | INTERRUPT, ENOMEM, -1, (int a, struct msghdr *b, int c),      \
		(a, b, c))                                                                         \
	X(int, epoll_create1, SYSTEM, EMFILE, -1, (int a), (a))                                    \
	X(int, epoll_wait, INTERRUPT, EINTR, -1, (int a, struct epoll_event *b, int c, int d),     \
		(a, b, c, d))                                                                      \
	X(int, poll, INTERRUPT, EINTR, -1, (struct pollfd * a, nfds_t b, int c), (a, b, c))        \
	X(int, ppoll, INTERRUPT, EINTR, -1,                                                        \
		(struct pollfd * a, nfds_t b, const struct timespec *c, const sigset_t *d),        \
		(a, b, c, d))                                                                      \
	X(int, eventfd, SYSTEM, EMFILE, -1, (unsigned a, int b), (a, b))                           \
	X(int, pthread_create, SYSTEM, EAGAIN, errno,                                              \
		(pthread_t * a, const pthread_attr_t *b, void *(*c)(void *), void *d),             \
		(a, b, c, d))                                                                      \
	X(int, timer_create, SYSTEM, EAGAIN, -1, (clockid_t a, struct sigevent * b, timer_t * c),  \
		(a, b, c))                                                                         \
	X(int, timerfd_create, SYSTEM, EMFILE, -1, (int a, int b), (a, b))                         \
	X(int, signalfd, SYSTEM, ENOMEM, -1, (int a, const sigset_t *b, int c), (a, b, c))         \
	X(int, posix_spawn_file_actions_init, SYSTEM, ENOMEM, errno,                               \
		(posix_spawn_file_actions_t * a), (a))                                             \
	X(int, posix_spawnattr_init, SYSTEM, ENOMEM, errno, (posix_spawnattr_t * a), (a))          \
	X(int, posix_spawn, SYSTEM, EAGAIN, errno,                                                 \
		(pid_t * a, const char *b, const posix_spawn_file_actions_t *c,                    \
			const posix_spawnattr_t *d, char *const e[], char *const f[]),             \
		(a, b, c, d, e, f))

#define X(type, name, classes, error, failure, parameters, arguments) \
	type name parameters                                          \
	{                                                             \
		static type(*real) parameters;                        \
		if (!real)                                            \
			real = (type(*) parameters)next(#name);       \
		if (fails(#name, classes, error))                     \
			return failure;                               \
		return real arguments;                                \
	}
CALL_TABLE(X)
#undef X

/* Functions that take a mode only with O_CREAT or O_TMPFILE: the kernel ignores it without. */
#define OPEN_TABLE(X)                                                                  \
	X(open, (const char *path, int flags, ...), (path, flags, mode))               \
	X(open64, (const char *path, int flags, ...), (path, flags, mode))             \
	X(openat, (int at, const char *path, int flags, ...), (at, path, flags, mode)) \
	X(openat64, (int at, const char *path, int flags, ...), (at, path, flags, mode))

#define X(name, parameters, arguments)                               \
	int name parameters                                          \
	{                                                            \
		static int(*real) parameters;                        \
		va_list list;                                        \
		va_start(list, flags);                               \
		bool makes = flags & (O_CREAT | O_TMPFILE);          \
		mode_t mode = makes ? (mode_t)va_arg(list, int) : 0; \
		va_end(list);                                        \
		if (!real)                                           \
			real = (int(*) parameters)next(#name);       \
		if (fails(#name, SYSTEM | INTERRUPT, EMFILE))        \
			return -1;                                   \
		return real arguments;                               \
	}
OPEN_TABLE(X)
#undef X

/* As _FORTIFY_SOURCE has it of pread(2). */
ssize_t __pread64_chk(int fd, void *data, size_t size, off64_t offset, size_t room);
ssize_t __pread64_chk(int fd, void *data, size_t size, off64_t offset, size_t room)
{
	if (size > room)
		abort();
	return pread64(fd, data, size, offset);
}

int epoll_ctl(int epoll, int operation, int fd, struct epoll_event *event)
{
	static int (*real)(int, int, int, struct epoll_event *);
	if (!real)
		real = (int (*)(int, int, int, struct epoll_event *))next("epoll_ctl");
	if (operation != EPOLL_CTL_DEL && fails("epoll_ctl", SYSTEM, ENOMEM))
		return -1;
	return real(epoll, operation, fd, event);
}

/* Looking for a set that is there needs no memory. */
int semget(key_t key, int count, int flags)
{
	static int (*real)(key_t, int, int);
	if (!real)
		real = (int (*)(key_t, int, int))next("semget");
	if (flags & IPC_CREAT && fails("semget", SYSTEM, ENOSPC))
		return -1;
	return real(key, count, flags);
}

int semctl(int id, int index, int command, ...)
{
	static int (*real)(int, int, int, void *);
	va_list list;
	va_start(list, command);
	bool has_argument =
		command == SETALL || command == SETVAL || command == IPC_STAT || command == IPC_SET;
	void *argument = has_argument ? va_arg(list, void *) : NULL;
	va_end(list);
	if (!real)
		real = (int (*)(int, int, int, void *))next("semctl");
	if (has_argument && command != SETVAL && fails("semctl", SYSTEM, ENOMEM))
		return -1;
	return real(id, index, command, argument);
}

int fcntl64(int fd, int command, ...)
{
	static int (*real)(int, int, void *);
	va_list list;
	va_start(list, command);
	void *argument = va_arg(list, void *);
	va_end(list);
	if (!real)
		real = (int (*)(int, int, void *))next("fcntl64");
	if (command == F_DUPFD_CLOEXEC && fails("fcntl64", SYSTEM, EMFILE))
		return -1;
	if (command == F_SETLEASE && argument == (void *)F_WRLCK &&
		fails("fcntl64", SYSTEM, ENOMEM))
		return -1;
	if (command == F_SETFL && fails("fcntl64", SYSTEM, EPERM))
		return -1;
	return real(fd, command, argument);
}

/* pidfd_open(2), which the daemon and libsystemd call through syscall(2). */
long syscall(long number, ...)
{
	static long (*real)(long, ...);
	long a[6];
	va_list list;
	va_start(list, number);
	for (size_t i = 0; i < 6; i++)
		a[i] = va_arg(list, long);
	va_end(list);
	if (!real)
		real = (long (*)(long, ...))next("syscall");
	if (number == SYS_pidfd_open && fails("pidfd_open", SYSTEM, EMFILE))
		return -1;
	return real(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}
