/*
 * The daemon's clock, CLOCK_MONOTONIC: it never goes back and does not tell the date. The other
 * clock tells the date, and may go back.
 */
#pragma once

#include <stdint.h>
#include <time.h>

#define CLOCK_SECOND UINT64_C(1000000) /* in microseconds */

uint64_t clock_now_usec(void);

uint64_t clock_now_seconds(void);

/* The date: microseconds since 1970, or 0 if it is before that. */
uint64_t clock_date_usec(void);

/* The CPU time that the calling thread has used. Reading it is a system call. */
uint64_t clock_cpu_usec(void);

/* Converts microseconds, for pthread_cond_clockwait(3). */
struct timespec clock_to_timespec(uint64_t usec);
