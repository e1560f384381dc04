/*
 * Why: when a message brings a descriptor and the process has no free number for it, the kernel
 * closes the descriptor at once, on the thread that receives. Its sender can make that close(2)
 * last for ever. So the daemon must know before it receives.
 *
 * Each opened descriptor is subtracted from the number that was free at the last count. A closed
 * descriptor is not added, because closing happens in many places, and in threads. When few are
 * left, the free descriptors are counted again, but at most every 100 ms while few are free.
 *
 * On Linux 6.2 and later, the size of /proc/self/fd is the number of descriptors in use, proc(5).
 * On older kernels, and when /proc is not mounted, free numbers are counted by taking each of them.
 * F_DUPFD of fcntl(2) returns the lowest free number from a given one on, so the cost depends on
 * how many numbers are free, and not on how many are in use. Neither way touches a file that a
 * client has sent: poll(2), for example, could wait for the server of the file.
 */
#include "daemon/base/fd-budget.h"

#include <fcntl.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/protocol/fdpass.h"
#include "daemon/base/clock.h"

enum {
	UNCOUNTED = 256, /* may be open without fd_budget_take(), such as decoders' channels */
	NEEDED = FDPASS_MAX + UNCOUNTED,
	COUNT_MAX = 4 * NEEDED, /* counting stops here */
	PAUSE_USEC = 100000,	/* between two counts while little is free */
};

static struct {
	uint64_t free_min;  /* at least this many descriptors are free */
	uint64_t pause_end; /* do not count again before this time; 0: count at any time */
} fd_budget;

void fd_budget_take(unsigned count)
{
	fd_budget.free_min -= count < fd_budget.free_min ? count : fd_budget.free_min;
}

/* Returns how many numbers are free below the limit; 0 when the kernel does not tell. */
static uint64_t fd_budget_ask_kernel(void)
{
	struct rlimit limit;
	struct stat status;
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || stat("/proc/self/fd", &status) < 0)
		return 0;
	uint64_t used = (uint64_t)status.st_size;
	return used > 0 && used < limit.rlim_cur ? limit.rlim_cur - used : 0;
}

static uint64_t fd_budget_count_by_taking(void)
{
	uint64_t count = 0;
	int first = eventfd(0, EFD_CLOEXEC);
	for (int next = first; next >= 0 && ++count < COUNT_MAX;) {
		next = fcntl(first, F_DUPFD_CLOEXEC, next + 1);
		if (next >= 0)
			close(next);
	}
	if (first >= 0)
		close(first);
	return count;
}

static uint64_t fd_budget_count_free(void)
{
	uint64_t count = fd_budget_ask_kernel();
	if (count == 0)
		count = fd_budget_count_by_taking();
	return count < COUNT_MAX ? count : COUNT_MAX;
}

bool fd_budget_is_scarce(void)
{
	if (fd_budget.free_min >= NEEDED)
		return false;
	uint64_t now = fd_budget.pause_end ? clock_now_usec() : 0;
	if (now < fd_budget.pause_end)
		return true;
	fd_budget.free_min = fd_budget_count_free();
	fd_budget.pause_end = fd_budget.free_min < 2 * NEEDED ? clock_now_usec() + PAUSE_USEC : 0;
	return fd_budget.free_min < NEEDED;
}
