/*
 * Reading the clock needs no system call: clock_gettime(2) is in the vDSO, vdso(7).
 */
#include "daemon/base/clock.h"

static uint64_t clock_read(clockid_t clock)
{
	struct timespec now;
	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * CLOCK_SECOND + (uint64_t)now.tv_nsec / 1000;
}

uint64_t clock_now_usec(void)
{
	return clock_read(CLOCK_MONOTONIC);
}

uint64_t clock_cpu_usec(void)
{
	return clock_read(CLOCK_THREAD_CPUTIME_ID);
}

uint64_t clock_now_seconds(void)
{
	return clock_now_usec() / CLOCK_SECOND;
}

uint64_t clock_date_usec(void)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	if (now.tv_sec < 0)
		return 0;
	return (uint64_t)now.tv_sec * CLOCK_SECOND + (uint64_t)now.tv_nsec / 1000;
}

struct timespec clock_to_timespec(uint64_t usec)
{
	return (struct timespec){
		.tv_sec = (time_t)(usec / CLOCK_SECOND),
		.tv_nsec = (long)(usec % CLOCK_SECOND * 1000),
	};
}
