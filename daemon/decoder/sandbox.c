/*
 * What a decoder gives up before it reads its first byte.
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

/* Room for the channel, standard error and a job's two, and for a few that come uninvited. */
enum { DESCRIPTORS_MAX = 8 };

/* What a build needs more: a sanitizer opens files and starts a process, gcov writes files. */
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

/* 0 and 1 are free then, and become those of the first job. */
static int sandbox_close_descriptors(void)
{
	close(STDIN_FILENO);
	close(STDOUT_FILENO);
	closefrom(JOB_CHANNEL + 1);
	return 0;
}

/* The daemon starts a decoder so already; other parents need not. */
static int sandbox_leave_session(void)
{
	if (getsid(0) == getpid())
		return 0;
	return setsid() < 0 ? -errno : 0;
}

/*
 * When the machine has no memory left, what has taken it goes first (proc(5)). Without /proc,
 * or where somebody has forbidden it, the kernel finds it by its size.
 */
static int sandbox_volunteer_for_the_end(void)
{
	static const char most[] = "1000";
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	ssize_t count = write(fd, most, sizeof(most) - 1);
	close(fd);
	return count < 0 && errno != EACCES && errno != EPERM ? -errno : 0;
}

/* No other process of the user may look into this one, nor a core file keep what it saw. */
static int sandbox_hide(void)
{
	return prctl(PR_SET_DUMPABLE, 0UL, 0UL, 0UL, 0UL) < 0 ? -errno : 0;
}

/*
 * An address space of twice what the machine has in memory and swap: once for the segment,
 * once for a codec's own. More than that could not be filled in any case.
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

/* Lowers a limit for good; one that is lower already stays. */
static int sandbox_limit(int resource, rlim_t most)
{
	struct rlimit now;
	if (getrlimit((__rlimit_resource_t)resource, &now) < 0)
		return -errno;
	if (now.rlim_max < most)
		most = now.rlim_max;
	now = (struct rlimit){most, most};
	return setrlimit((__rlimit_resource_t)resource, &now) < 0 ? -errno : 0;
}

/*
 * The size of files has no limit: a segment is as large as its image, and the one file that
 * may be written. A sanitizer's shadow is larger than any address space that is sensible.
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

/* Without the privilege to drop groups or bounds there is little in them to drop. */
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
 * landlock(7): what a ruleset handles and no rule allows is denied, and there is no rule.
 * Returns whether the kernel has it: the filter does not depend on it.
 */
static bool sandbox_leave_file_system(void)
{
#ifdef SYS_landlock_create_ruleset
	/* As struct landlock_ruleset_attr of newer kernels; older ones accept zeros. */
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
		{sandbox_volunteer_for_the_end, "be the first to go without memory"},
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
