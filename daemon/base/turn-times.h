/*
 * How long the turns of the daemon's thread take: the longest one, and how many took how long.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum { TURN_TIMES_CLASSES = 6, TURN_TIMES_TEXT = 160 };

struct turn_times {
	uint64_t longest;		     /* in microseconds, by the clock */
	uint64_t longest_cpu;		     /* in microseconds of the thread's CPU time */
	uint64_t counts[TURN_TIMES_CLASSES]; /* turns below 10, 100, 1000, 2000, 10000; others */
	uint64_t began;			     /* the turn that runs */
	uint64_t cpu_read;		     /* when the CPU time was read last */
	uint64_t cpu;			     /* what was read */
};

/* Notes that a turn begins. */
void turn_times_begin(struct turn_times *turn_times);

/* Counts the turn that began last. Returns the time of clock_now_usec(). */
uint64_t turn_times_end(struct turn_times *turn_times);

/* Counts a turn that took so many microseconds by the clock, and of CPU time. */
void turn_times_count(struct turn_times *turn_times, uint64_t usec, uint64_t cpu_usec);

/* Writes the counts: numbers with commas between them, the shortest turns first. */
void turn_times_describe(const struct turn_times *turn_times, char text[TURN_TIMES_TEXT]);
