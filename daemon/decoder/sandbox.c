/*
 * The sandbox.
 *
 * A decoder reads files of strangers with large libraries, so it is assumed that one of them can
 * take it over some day. The sandbox leaves such a decoder nothing but its job: the file, the
 * segment, the channel, memory and time.
 *
 * Each measure also holds without the others. The steps that need nothing from the kernel but
 * what every Linux has must succeed. Landlock is used if the kernel has it, for the seccomp filter
 * already allows no system call that takes a path. The order matters: /proc and the calls that
 * drop privileges are used first, the filter that forbids them comes last.
 */
#include "config.h"

#include "daemon/decoder/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "daemon/decoder/seccomp.h"
#include "daemon/job/job.h"

/* The channel, standard error and the two of a job, and a few that a packet may bring. */
enum { DESCRIPTORS_MAX = 8 };

/* A sanitizer opens files and starts a process, gcov writes files: such builds allow it. */
#ifdef SANITIZERS
enum { HAS_SANITIZERS = 1 };
#else
enum { HAS_SANITIZERS = 0 };
#endif
#ifdef COVERAGE
enum { HAS_COVERAGE = 1 };
#else
enum { HAS_COVERAGE = 0 };
#endif

/* Descriptors 0 and 1 are free then: the first job gets them. */
static int sandbox_close_descriptors(void)
{
	close(STDIN_FILENO);
	close(STDOUT_FILENO);
	closefrom(JOB_CHANNEL + 1);
	return 0;
}

/* The daemon starts a decoder in its own session already. Other parents may not. */
static int sandbox_leave_session(void)
{
	if (getsid(0) == getpid())
		return 0;
	return setsid() < 0 ? -errno : 0;
}

/*
 * If the machine runs out of memory, the kernel kills a decoder first (oom_score_adj, proc(5)).
 * Without /proc, or without the permission, it chooses by size.
 */
static int sandbox_raise_oom_score(void)
{
	static const char max[] = "1000";
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	ssize_t count = write(fd, max, sizeof(max) - 1);
	close(fd);
	return count < 0 && errno != EACCES && errno != EPERM ? -errno : 0;
}

/* No other process of the user may read its memory, and there is no core file. */
static int sandbox_hide(void)
{
	return prctl(PR_SET_DUMPABLE, 0UL, 0UL, 0UL, 0UL) < 0 ? -errno : 0;
}

/*
 * The limit of the address space: twice the memory and swap of the machine, once for the segment
 * and once for a codec. More than that could not be filled.
 */
static rlim_t sandbox_address_space(void)
{
	const uint64_t program = UINT64_C(1) << 30;
	struct sysinfo machine;
	if (sysinfo(&machine) < 0)
		return RLIM_INFINITY;
	uint64_t memory = ((uint64_t)machine.totalram + machine.totalswap) * machine.mem_unit;
	return 2 * memory + program;
}

/* Lowers a limit for good. A limit that is lower already stays. */
static int sandbox_limit(int resource, rlim_t max)
{
	struct rlimit now;
	if (getrlimit((__rlimit_resource_t)resource, &now) < 0)
		return -errno;
	if (now.rlim_max < max)
		max = now.rlim_max;
	now = (struct rlimit){max, max};
	return setrlimit((__rlimit_resource_t)resource, &now) < 0 ? -errno : 0;
}

/*
 * The daemon limits the size of files for each job: the segment is the only file that can be
 * written. Only the soft limits can be raised again, and the filter forbids the calls for that.
 * A sanitizer needs a larger address space than any sensible limit.
 */
static int sandbox_limit_resources(void)
{
	int r = sandbox_limit(RLIMIT_CORE, 0);
	if (r == 0)
		r = sandbox_limit(RLIMIT_NOFILE, DESCRIPTORS_MAX);
	if (r == 0)
		r = sandbox_limit(RLIMIT_MEMLOCK, 0);
	if (r == 0 && !HAS_SANITIZERS)
		r = sandbox_limit(RLIMIT_NPROC, 0);
	if (r == 0 && !HAS_SANITIZERS)
		r = sandbox_limit(RLIMIT_AS, sandbox_address_space());
	return r;
}

/* A process that may not drop groups or the bounding set has no privileges in them. */
static int sandbox_drop_privileges(void)
{
	struct __user_cap_header_struct self = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {{0}};
	if (setgroups(0, NULL) < 0 && errno != EPERM)
		return -errno;
	unsigned long capability = 0;
	while (prctl(PR_CAPBSET_DROP, capability, 0UL, 0UL, 0UL) == 0)
		capability++;
	return syscall(SYS_capset, &self, none) < 0 ? -errno : 0;
}

static int sandbox_refuse_new_privileges(void)
{
	return prctl(PR_SET_NO_NEW_PRIVS, 1UL, 0UL, 0UL, 0UL) < 0 ? -errno : 0;
}

/*
 * landlock(7): a ruleset denies everything that it handles and that no rule allows. This one has
 * no rule. Returns whether the kernel has Landlock.
 */
static bool sandbox_leave_file_system(void)
{
#ifdef SYS_landlock_create_ruleset
	/* struct landlock_ruleset_attr of newer kernels. Older ones accept zeros at its end. */
	struct {
		uint64_t files, net, scopes;
	} ruleset = {0};
	static const unsigned char file_rights[] = {0, 13, 14, 15, 15, 16};
	long version = syscall(SYS_landlock_create_ruleset, NULL, 0UL, 1UL);
	if (version < 1 || HAS_SANITIZERS || HAS_COVERAGE)
		return false;
	ruleset.files = (UINT64_C(1) << file_rights[version < 5 ? version : 5]) - 1;
	ruleset.net = version >= 4 ? 3 : 0;    /* bind, connect */
	ruleset.scopes = version >= 6 ? 3 : 0; /* abstract sockets, signals */
	long fd = syscall(SYS_landlock_create_ruleset, &ruleset, sizeof(ruleset), 0UL);
	if (fd < 0)
		return false;
	bool done = syscall(SYS_landlock_restrict_self, fd, 0UL) == 0;
	close((int)fd);
	return done;
#else
	return false;
#endif
}

int sandbox_enter(const char **failed)
{
	static const struct {
		int (*act)(void);
		const char *text;
	} steps[] = {
		{sandbox_close_descriptors, "close descriptors"},
		{sandbox_leave_session, "make a session of its own"},
		{sandbox_raise_oom_score, "be the first to go without memory"},
		{sandbox_hide, "be undumpable"},
		{sandbox_drop_privileges, "drop privileges"},
		{sandbox_refuse_new_privileges, "refuse new privileges"},
	};
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		*failed = steps[i].text;
		int r = steps[i].act();
		if (r < 0)
			return r;
	}
	int force = JOB_SANDBOX_NO_NEW_PRIVS;
	return sandbox_leave_file_system() ? force | JOB_SANDBOX_LANDLOCK : force;
}

int sandbox_seal(const char **failed)
{
	*failed = "limit resources";
	int r = sandbox_limit_resources();
	if (r < 0)
		return r;
	*failed = "filter system calls";
	r = seccomp_filter_install();
	if (r < 0)
		return r;
	return r > 0 ? JOB_SANDBOX_LIMITS | JOB_SANDBOX_SECCOMP : JOB_SANDBOX_LIMITS;
}
