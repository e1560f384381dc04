/*
 * What is taken is subtracted from the descriptors that were free when they were counted last, and
 * what is closed is not added: closing happens in many places, and in threads. So they are counted
 * anew when little is left, but not more often than every 100 ms while little is free.
 *
 * Linux 6.2 and later tell how many descriptors a process has: the size of /proc/self/fd, proc(5).
 * Elsewhere, and where /proc is not mounted, free numbers are found by taking them: F_DUPFD of
 * fcntl(2) gives the lowest free one from a number on, so the cost depends on how many are free,
 * and not on how many are in use. Neither way touches a file that a client has sent: a poll(2) of
 * it, for instance, could wait for whoever serves it.
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
	UNCOUNTED = 256, /* may be open without fd_budget_take(): decoders' channels... */
	NEEDED = FDPASS_MAX + UNCOUNTED,
	COUNT_MAX = 4 * NEEDED, /* more are not counted */
	PAUSE_USEC = 100000,	/* between two counts while little is free */
};

/* How many are free, at least; and the end of the pause, or 0. */
static struct {
	uint64_t room;
	uint64_t until;
} known;

void fd_budget_take(unsigned count)
{
	known.room -= count < known.room ? count : known.room;
}

/* Returns how many numbers are free below the limit; 0 where the kernel does not tell. */
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
	if (known.room >= NEEDED)
		return false;
	uint64_t now = known.until ? clock_now_usec() : 0;
	if (now < known.until)
		return true;
	known.room = fd_budget_count_free();
	known.until = known.room < 2 * NEEDED ? clock_now_usec() + PAUSE_USEC : 0;
	return known.room < NEEDED;
}
