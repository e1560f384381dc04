/*
 * Moments on the monotonic clock.
 * See deadline.h for what it does and never does.
 */
#include "client/lib/deadline.h"

#include <limits.h>

#define SECOND	    INT64_C(1000000000)
#define MILLISECOND INT64_C(1000000)
#define MICROSECOND INT64_C(1000)

static int64_t now(void)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return (int64_t)time.tv_sec * SECOND + time.tv_nsec;
}

deadline deadline_after(int timeout_ms)
{
	return timeout_ms < 0 ? DEADLINE_NEVER : now() + timeout_ms * MILLISECOND;
}

deadline deadline_within(deadline end, unsigned microseconds)
{
	deadline then = now() + microseconds * MICROSECOND;
	return then < end ? then : end;
}

bool deadline_passed(deadline end)
{
	return now() >= end;
}

static int64_t left(deadline end)
{
	int64_t span = end - now();
	return span > 0 ? span : 0;
}

deadline deadline_midway(deadline end)
{
	return end == DEADLINE_NEVER ? end : end - left(end) / 2;
}

int deadline_poll(deadline end)
{
	if (end == DEADLINE_NEVER)
		return -1;
	int64_t milliseconds = (left(end) + MILLISECOND - 1) / MILLISECOND;
	return milliseconds > INT_MAX ? INT_MAX : (int)milliseconds;
}

struct timespec deadline_left(deadline end)
{
	int64_t span = left(end);
	return (struct timespec){.tv_sec = (time_t)(span / SECOND), .tv_nsec = span % SECOND};
}
