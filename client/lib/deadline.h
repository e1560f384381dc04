/*
 * Moments on the monotonic clock until which something may wait, so that signals and short
 * reads do not lengthen a timeout. Never waits itself.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

/* Nanoseconds of CLOCK_MONOTONIC. */
typedef int64_t deadline;

#define DEADLINE_NEVER INT64_MAX

/* The moment timeout_ms milliseconds from now; DEADLINE_NEVER when that is negative. */
deadline deadline_after(int timeout_ms);

/* The moment so many microseconds from now, or end if that comes before. */
deadline deadline_within(deadline end, unsigned microseconds);

bool deadline_passed(deadline end);

/* The moment midway from now until then. */
deadline deadline_midway(deadline end);

/* What is left, for poll(2): milliseconds, rounded up; 0 when it has passed; -1: for ever. */
int deadline_poll(deadline end);

/* What is left, for system calls that take a span; zero when it has passed. */
struct timespec deadline_left(deadline end);
