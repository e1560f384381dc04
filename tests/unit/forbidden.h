/*
 * What a confined decoder must not be able to do: one system call a row, which would do no
 * harm if it were allowed, and how the attempt has to end. Makes none of them.
 */
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>

/* What an argument stands for that is known at run time alone. */
enum { INPUT = -1001, SEGMENT = -1002, PARENT = -1003, PAGE = -1004, ZEROS = -1005 };

/* A descriptor that the test has open, without close-on-exec. */
enum { INHERITED = 20 };

/* What a sanitizer needs, and so may do; and what it makes impossible. */
enum when { ALWAYS, UNLESS_SANITIZED };

struct attempt {
	const char *word;
	long number;
	long arguments[6];
	enum when when;
	int error; /* that the call has to give; 0: it has to end the process */
};

#define KILLED(name, ...)                                    \
	{                                                    \
#name, SYS_##name, {__VA_ARGS__ }, ALWAYS, 0 \
	}
#define KILLED_AS(word, name, ...)                         \
	{                                                  \
		word, SYS_##name, {__VA_ARGS__}, ALWAYS, 0 \
	}
#define KILLED_UNLESS(name, ...)                                       \
	{                                                              \
#name, SYS_##name, {__VA_ARGS__ }, UNLESS_SANITIZED, 0 \
	}

static const struct attempt attempts[] = {
	/* Files by name. */
	KILLED_UNLESS(openat, AT_FDCWD, (long)"/etc/passwd", O_RDONLY),
	KILLED_UNLESS(newfstatat, AT_FDCWD, (long)"/etc/passwd", PAGE),
	KILLED_UNLESS(readlinkat, AT_FDCWD, (long)"/proc/self/exe", PAGE, 100),
	KILLED(openat2, AT_FDCWD, (long)"/etc/passwd", ZEROS, 24),
	KILLED(statx, AT_FDCWD, (long)"/etc/passwd", 0, 0, PAGE),
	KILLED(faccessat, AT_FDCWD, (long)"/etc/passwd", 0),
	KILLED(unlinkat, AT_FDCWD, (long)"/nowhere/a", 0),
	KILLED(mkdirat, AT_FDCWD, (long)"/nowhere/a", 0700),
	KILLED(linkat, INPUT, (long)"", AT_FDCWD, (long)"/nowhere/a", AT_EMPTY_PATH),
	KILLED(fchmodat, AT_FDCWD, (long)"/nowhere/a", 0700),
	KILLED(truncate, (long)"/nowhere/a", 0),
	KILLED(chdir, (long)"/"),
	KILLED(chroot, (long)"/nowhere"),
	KILLED(mount, (long)"a", (long)"/nowhere", (long)"tmpfs"),
	KILLED(umount2, (long)"/nowhere", 0),
#ifdef SYS_open
	KILLED_UNLESS(open, (long)"/etc/passwd", O_RDONLY),
	KILLED(creat, (long)"/nowhere/a", 0600),
	KILLED(unlink, (long)"/nowhere/a"),
	KILLED(rename, (long)"/nowhere/a", (long)"/nowhere/b"),
	KILLED(chmod, (long)"/nowhere/a", 0700),
	KILLED(stat, (long)"/etc/passwd", PAGE),
	KILLED(access, (long)"/etc/passwd", 0),
#endif
	/* What a segment or a file is, and all of it but its bytes. */
	KILLED(ftruncate, SEGMENT, 0),
	KILLED_AS("punch", fallocate, SEGMENT, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096),
	KILLED_AS("collapse", fallocate, SEGMENT, FALLOC_FL_COLLAPSE_RANGE, 0, 4096),
	KILLED_UNLESS(madvise, PAGE, 4096, MADV_REMOVE),
	KILLED(fchmod, SEGMENT, 0600),
	KILLED(fchown, SEGMENT, -1, -1),
	KILLED(fsetxattr, SEGMENT, (long)"user.a", (long)"a", 1, 0),
	KILLED(fcntl, SEGMENT, F_GETFL),
	KILLED(ioctl, 2, 0x5401, PAGE),
	KILLED(flock, INPUT, 4 /* LOCK_NB */),
	KILLED(pwrite64, INPUT, PAGE, 1, 0),
	KILLED_AS("write to standard error", pwrite64, 2, PAGE, 1, 0),
	KILLED_AS("write to the channel by pwrite64", pwrite64, 3, PAGE, 1, 0),
	KILLED(writev, 2, ZEROS, 0),
	KILLED(sendfile, SEGMENT, INPUT, 0, 1),
	KILLED(copy_file_range, INPUT, 0, SEGMENT, 0, 1, 0),
	KILLED_UNLESS(write, 2, PAGE, 0),
	KILLED_AS("write to the channel", write, 3, PAGE, 0),
	/* Descriptors. */
	{"inherited", SYS_pread64, {INHERITED, PAGE, 1, 0}, ALWAYS, EBADF},
	KILLED_UNLESS(dup, INPUT),
	KILLED(dup3, INPUT, 9, 0),
	KILLED(memfd_create, (long)"a", 0),
	KILLED(pipe2, PAGE, 0),
	KILLED(eventfd2, 0, 0),
	KILLED(epoll_create1, 0),
	KILLED(inotify_init1, 0),
	KILLED(timerfd_create, 0, 0),
	KILLED(userfaultfd, 0),
	/* Other processes, and other programs. */
	KILLED(execve, (long)"/nowhere/a", ZEROS, ZEROS),
	KILLED(execveat, INPUT, (long)"", ZEROS, ZEROS, AT_EMPTY_PATH),
	KILLED(clone3, ZEROS, 0),
	KILLED_UNLESS(clone, SIGCHLD, 0, 0, 0, 0),
	KILLED_UNLESS(ptrace, PTRACE_ATTACH, PARENT, 0, 0),
#ifdef SYS_fork
	KILLED(fork, 0),
#endif
	KILLED(kill, PARENT, 0),
	KILLED(tkill, PARENT, 0),
	KILLED(rt_sigqueueinfo, PARENT, 0, PAGE),
	KILLED(pidfd_open, PARENT, 0),
	KILLED(pidfd_getfd, INPUT, 0, 0),
	KILLED(process_vm_readv, PARENT, ZEROS, 0, ZEROS, 0, 0),
	KILLED(process_vm_writev, PARENT, ZEROS, 0, ZEROS, 0, 0),
	KILLED(prlimit64, PARENT, 7, 0, PAGE),
	KILLED_AS("raise a limit by prlimit64", prlimit64, 0, RLIMIT_FSIZE, PAGE, 0),
	KILLED(setrlimit, RLIMIT_FSIZE, PAGE),
	KILLED(setpriority, 0, 0, 0),
	KILLED(sched_setaffinity, 0, 0, 0),
	/* The network, and other ways to talk. */
	KILLED(socket, AF_UNIX, SOCK_STREAM, 0),
	KILLED(socketpair, AF_UNIX, SOCK_STREAM, 0, PAGE),
	KILLED(connect, 3, ZEROS, 2),
	KILLED(bind, 3, ZEROS, 2),
	KILLED(listen, 3, 1),
	KILLED(setsockopt, 3, SOL_SOCKET, SO_SNDBUF, ZEROS, 4),
	KILLED_AS("sendto elsewhere", sendto, INPUT, PAGE, 1, 0, 0, 0),
	KILLED_AS("send descriptors", sendmsg, 3, ZEROS, 0),
	KILLED_AS("send descriptors in bulk", sendmmsg, 3, ZEROS, 1, 0),
	KILLED_AS("recvmsg elsewhere", recvmsg, INPUT, ZEROS, 0),
	KILLED(shmget, 0, 4096, 0600),
	KILLED(semget, 0, 1, 0600),
	KILLED(msgget, 0, 0600),
	KILLED(mq_open, (long)"a", O_RDONLY),
	/* Code that was not there at the start. */
	KILLED_AS("mmap code", mmap, 0, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS,
		-1, 0),
	KILLED_AS("mmap file as code", mmap, 0, 4096, PROT_EXEC, MAP_PRIVATE, SEGMENT, 0),
	KILLED_AS("mprotect code", mprotect, PAGE, 4096, PROT_READ | PROT_EXEC),
	KILLED(pkey_mprotect, PAGE, 4096, PROT_EXEC, -1),
	KILLED(personality, 0x0400000 /* READ_IMPLIES_EXEC */),
	/* More rights, and more of the kernel. */
	KILLED_UNLESS(prctl, PR_GET_DUMPABLE),
	KILLED_AS("seccomp", seccomp, 1, 0, 0),
	KILLED(setuid, 0),
	KILLED(setresuid, -1, -1, -1),
	KILLED(setgroups, 0, 0),
	KILLED(capset, ZEROS, 0),
	KILLED(setsid, 0),
	KILLED(unshare, 0),
	KILLED(setns, INPUT, 0),
	KILLED(keyctl, 0, 0),
	KILLED(bpf, 0, ZEROS, 0),
	KILLED(perf_event_open, ZEROS, 0, -1, -1, 0),
	KILLED(io_uring_setup, 1, PAGE),
	KILLED(init_module, ZEROS, 0, (long)""),
	KILLED(sethostname, (long)"", -1),
	{"address space", SYS_mmap,
		{0, 1L << 45, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0},
		UNLESS_SANITIZED, ENOMEM},
	/* No call of any system. */
	{"number", 100000, {0}, ALWAYS, 0},
};

enum { ATTEMPTS = sizeof(attempts) / sizeof(attempts[0]) };

/* Beyond the rows: what has to go on working, all of it at once; and what no filter stops. */
enum {
	ATTEMPT_NOTHING = ATTEMPTS,
	ATTEMPT_SERVE,	/* do the job, and the next */
	ATTEMPT_EAT,	/* get memory until there is none */
	ATTEMPT_SPIN,	/* never end */
	ATTEMPT_BABBLE, /* say what has no meaning */
	ATTEMPT_CRASH,	/* do what no processor does */
	ATTEMPT_GROW,	/* reserve more than the segment has */
	ATTEMPT_APPEND, /* write behind the end of the segment */
	ATTEMPTS_END,
};
