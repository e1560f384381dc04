/*
 * The daemon's clock: CLOCK_MONOTONIC, which never goes back and has no relation to the date.
 */
#pragma once

#include <stdint.h>
#include <time.h>

#define CLOCK_SECOND UINT64_C(1000000) /* in microseconds */

uint64_t clock_now_usec(void);

uint64_t clock_now_seconds(void);

/* A time in microseconds as pthread_cond_clockwait(3) wants it. */
struct timespec clock_to_timespec(uint64_t usec);
