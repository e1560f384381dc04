/*
 * How many descriptors there can be.
 */
#include "daemon/base/fd-budget.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/resource.h>

#include "client/protocol/fdpass.h"
#include "daemon/base/clock.h"

enum {
	UNCOUNTED = 256, /* that parts may have opened which do not tell: decoders' channels... */
	NEEDED = FDPASS_MAX + UNCOUNTED,
	ENOUGH = 8192,	     /* free ones that are found at once */
	LOOKS_MAX = 1 << 16, /* numbers that are looked at */
	PAUSE_USEC = 100000, /* from a look that has found few to the next one */
};

/* What is free, at least, and when that was found out if it was little. */
static struct {
	uint64_t room;
	uint64_t until;
} known;

void fd_budget_take(unsigned count)
{
	known.room -= count < known.room ? count : known.room;
}

/* New ones get the lowest numbers that are free, so the highest are the last to be taken. */
static unsigned fd_budget_count_free(void)
{
	struct rlimit limit;
	unsigned count = 0;
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return 0;
	int number = limit.rlim_cur < INT32_MAX ? (int)limit.rlim_cur : INT32_MAX;
	for (int looks = 0; number > 0 && looks < LOOKS_MAX && count < ENOUGH; looks++) {
		number--;
		if (fcntl(number, F_GETFD) < 0 && errno == EBADF)
			count++;
	}
	return count;
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
