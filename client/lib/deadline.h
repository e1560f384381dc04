/*
 * Deadlines: times on the monotonic clock. A wait that is interrupted goes on to the same
 * deadline, so that signals and short reads do not lengthen a timeout. Never waits itself.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

/* Nanoseconds of CLOCK_MONOTONIC. */
typedef int64_t deadline;

#define DEADLINE_NEVER INT64_MAX

/* The time in timeout_ms milliseconds; DEADLINE_NEVER if that is negative. */
deadline deadline_after(int timeout_ms);

/* The time in this many microseconds, but not later than end. */
deadline deadline_within(deadline end, unsigned microseconds);

bool deadline_passed(deadline end);

/* The time halfway between now and end. */
deadline deadline_midway(deadline end);

/* The remaining time for poll(2): milliseconds, rounded up; 0 if it has passed; -1: no limit. */
int deadline_poll(deadline end);

/* The remaining time, for system calls that take a timespec; zero if it has passed. */
struct timespec deadline_left(deadline end);
