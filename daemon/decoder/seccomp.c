/*
 * The seccomp filter.
 *
 * A list of what is allowed, by libseccomp; everything else ends the process.
 *
 * - No call takes a path. newfstatat(2), which newer C libraries use for fstat(3), takes one.
 * - No call makes a descriptor or a process, or sends a signal.
 * - No call can shorten a segment or make holes in it, for that would end programs which have it
 *   mapped: there is no ftruncate(2), and fallocate(2) may only add.
 * - No call can send a descriptor to the daemon, which would have to close it: there is no
 *   sendmsg(2).
 * - The thread that writes to the segment can neither read a file nor send a packet. A read that
 *   bypasses the page cache (O_DIRECT, or a FUSE file system) goes on in memory that was unmapped
 *   meanwhile, and the daemon cannot notice it. So no read into the segment is under way when the
 *   other thread, which alone can read, says that the job is done.
 * - Only the channel, the segment and memory can be written to. A decoder cannot write to the
 *   daemon's log, so abort(3), and the C library when it finds memory damaged, end by SIGSYS too.
 */
#include "config.h"

#include "daemon/decoder/seccomp.h"

#ifdef HAVE_SECCOMP

#include <errno.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/mman.h>

#include "daemon/job/job.h"

#define ANY(name)                       \
	{                               \
		SCMP_SYS(name), 0, 0, 0 \
	}
/* Only if an argument has this value; only if it has none of these bits. */
#define WHERE(name, argument, value)                         \
	{                                                    \
		SCMP_SYS(name), SCMP_CMP_EQ, argument, value \
	}
#define WITHOUT(name, argument, bits)                              \
	{                                                          \
		SCMP_SYS(name), SCMP_CMP_MASKED_EQ, argument, bits \
	}

/* The second descriptor of a job, and so the second free number. */
enum { SEGMENT = 1 };

struct rule {
	int call;
	enum scmp_compare compare; /* 0: any arguments */
	unsigned argument;
	scmp_datum_t datum;
};

/* Of the thread that serves the channel. */
static const struct rule service_rules[] = {
	WHERE(recvmsg, 0, JOB_CHANNEL), WHERE(sendto, 0, JOB_CHANNEL), ANY(pread64),
	WHERE(fallocate, 1, 0), ANY(close), ANY(poll),
	ANY(ppoll), /* for poll(2) on machines without it */
};

/* Of both threads. */
static const struct rule common_rules[] = {
	WHERE(pwrite64, 0, SEGMENT),
	/* Memory, for the C library and the segment. */
	ANY(brk),
	WITHOUT(mmap, 2, PROT_EXEC),
	WITHOUT(mmap2, 2, PROT_EXEC),
	WITHOUT(mprotect, 2, PROT_EXEC),
	ANY(mremap),
	ANY(munmap),
	WHERE(madvise, 2, MADV_DONTNEED), /* MADV_REMOVE makes holes */
	ANY(futex),
	ANY(restart_syscall),
	ANY(exit),
	ANY(exit_group),
#ifdef SANITIZERS
	/* A sanitizer writes reports, and looks for leaks in a process of its own. */
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
	/* Equal to .datum_a; or masked by it and equal to 0. */
	const struct scmp_arg_cmp argument = {
		.arg = rule->argument, .op = rule->compare, .datum_a = rule->datum};
	int r = seccomp_rule_add_array(
		filter, SCMP_ACT_ALLOW, rule->call, rule->compare ? 1 : 0, &argument);
	return r == -EDOM ? 0 : r; /* this architecture has no such call */
}

static int seccomp_add_rules(scmp_filter_ctx filter, const struct rule *rules, size_t count)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < count; i++)
		r = seccomp_add_rule(filter, &rules[i]);
	return r;
}

/* Installs a filter in this thread. */
static int seccomp_install(bool serves)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
	if (!filter)
		return -ENOMEM;
	int r = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	if (r == 0)
		r = seccomp_attr_set(filter, SCMP_FLTATR_API_SYSRAWRC, 1);
	if (r == 0)
		r = seccomp_add_rules(
			filter, common_rules, sizeof(common_rules) / sizeof(common_rules[0]));
	if (r == 0 && serves)
		r = seccomp_add_rules(
			filter, service_rules, sizeof(service_rules) / sizeof(service_rules[0]));
	if (r == 0)
		r = seccomp_load(filter);
	seccomp_release(filter);
	return r < 0 ? r : 1;
}

int seccomp_filter_install(void)
{
	return seccomp_install(true);
}

int seccomp_filter_install_writer(void)
{
	return seccomp_install(false);
}

#else

int seccomp_filter_install(void)
{
	return 0;
}

int seccomp_filter_install_writer(void)
{
	return 0;
}

#endif
