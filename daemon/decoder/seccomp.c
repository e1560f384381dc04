/*
 * The system calls that a confined decoder may make.
 */
#include "config.h"

#include "daemon/decoder/seccomp.h"

#ifdef HAVE_SECCOMP

#include <errno.h>
#include <seccomp.h>
#include <stddef.h>
#include <sys/mman.h>

#include "daemon/job/job.h"

#define ANY(name)                       \
	{                               \
		SCMP_SYS(name), 0, 0, 0 \
	}
/* Only where an argument has this value; where it has none of these bits. */
#define WHERE(name, argument, value)                         \
	{                                                    \
		SCMP_SYS(name), SCMP_CMP_EQ, argument, value \
	}
#define WITHOUT(name, argument, bits)                              \
	{                                                          \
		SCMP_SYS(name), SCMP_CMP_MASKED_EQ, argument, bits \
	}

/* The second of a job's descriptors: it gets the second number that is free. */
enum { SEGMENT = 1 };

/*
 * No call that takes a path, so not newfstatat(2), which newer C libraries use for fstat(3);
 * none that makes a descriptor or a process, or sends a signal; none that can cut a segment
 * which is mapped elsewhere: no ftruncate(2), and of fallocate(2) only what adds. Nothing is
 * written but to the channel, the segment and memory: what a decoder has to say does not get
 * into the daemon's log. So abort(3), and the C library when it finds memory damaged, end by SIGSYS
 * too.
 */
static const struct rule {
	int call;
	enum scmp_compare compare; /* 0: any arguments */
	unsigned argument;
	scmp_datum_t datum;
} rules[] = {
	WHERE(recvmsg, 0, JOB_CHANNEL),
	WHERE(sendmsg, 0, JOB_CHANNEL),
	ANY(pread64),
	WHERE(pwrite64, 0, SEGMENT),
	WHERE(fallocate, 1, 0),
	ANY(close),
	ANY(poll),
	ANY(ppoll), /* the same, where that is not there */
	/* Memory, for the C library and the segment. */
	ANY(brk),
	WITHOUT(mmap, 2, PROT_EXEC),
	WITHOUT(mmap2, 2, PROT_EXEC),
	WITHOUT(mprotect, 2, PROT_EXEC),
	ANY(mremap),
	ANY(munmap),
	WHERE(madvise, 2, MADV_DONTNEED), /* not MADV_REMOVE: it makes holes */
	ANY(futex),
	ANY(restart_syscall),
	ANY(exit),
	ANY(exit_group),
#ifdef SANITIZERS
	/* To report what they find, and to search for leaks at the end, in a process of its own. */
	WHERE(write, 0, 2),
	ANY(clock_gettime),
	ANY(madvise),
	ANY(clone),
	ANY(dup),
	ANY(fstat),
	ANY(getdents),
	ANY(getdents64),
	ANY(getpid),
	ANY(getppid),
	ANY(gettid),
	ANY(lseek),
	ANY(newfstatat),
	ANY(open),
	ANY(openat),
	ANY(pipe),
	ANY(prctl),
	ANY(ptrace),
	ANY(read),
	ANY(readlink),
	ANY(readlinkat),
	ANY(rt_sigaction),
	ANY(rt_sigprocmask),
	ANY(rt_sigreturn),
	ANY(sched_yield),
	ANY(sigaltstack),
	ANY(tgkill),
	ANY(wait4),
#endif
};

static int seccomp_add_rule(scmp_filter_ctx filter, const struct rule *rule)
{
	/* Compared with .datum_a; or masked by it, and compared with 0. */
	const struct scmp_arg_cmp argument = {
		.arg = rule->argument, .op = rule->compare, .datum_a = rule->datum};
	int r = seccomp_rule_add_array(
		filter, SCMP_ACT_ALLOW, rule->call, rule->compare ? 1 : 0, &argument);
	return r == -EDOM ? 0 : r; /* a call that this machine has not */
}

int seccomp_filter_install(void)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
	if (!filter)
		return -ENOMEM;
	int r = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	if (r == 0)
		r = seccomp_attr_set(filter, SCMP_FLTATR_API_SYSRAWRC, 1);
	if (r == 0)
		r = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
	for (size_t i = 0; r == 0 && i < sizeof(rules) / sizeof(rules[0]); i++)
		r = seccomp_add_rule(filter, &rules[i]);
	if (r == 0)
		r = seccomp_load(filter);
	seccomp_release(filter);
	return r < 0 ? r : 1;
}

#else

int seccomp_filter_install(void)
{
	return 0;
}

#endif
