/*
 * Deadlines.
 */
#include "client/lib/deadline.h"

#include <limits.h>

#define SECOND	    INT64_C(1000000000)
#define MILLISECOND INT64_C(1000000)
#define MICROSECOND INT64_C(1000)

static int64_t deadline_now(void)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return (int64_t)time.tv_sec * SECOND + time.tv_nsec;
}

deadline deadline_after(int timeout_ms)
{
	return timeout_ms < 0 ? DEADLINE_NEVER : deadline_now() + timeout_ms * MILLISECOND;
}

deadline deadline_within(deadline end, unsigned microseconds)
{
	deadline then = deadline_now() + microseconds * MICROSECOND;
	return then < end ? then : end;
}

bool deadline_passed(deadline end)
{
	return deadline_now() >= end;
}

static int64_t deadline_remaining(deadline end)
{
	int64_t span = end - deadline_now();
	return span > 0 ? span : 0;
}

deadline deadline_midway(deadline end)
{
	return end == DEADLINE_NEVER ? end : end - deadline_remaining(end) / 2;
}

int deadline_poll(deadline end)
{
	if (end == DEADLINE_NEVER)
		return -1;
	int64_t milliseconds = (deadline_remaining(end) + MILLISECOND - 1) / MILLISECOND;
	return milliseconds > INT_MAX ? INT_MAX : (int)milliseconds;
}

struct timespec deadline_left(deadline end)
{
	int64_t span = deadline_remaining(end);
	return (struct timespec){.tv_sec = (time_t)(span / SECOND), .tv_nsec = span % SECOND};
}
