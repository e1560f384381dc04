/*
 * Each turn is measured by the clock, which costs no system call. On a busy machine this includes
 * time in which other programs ran, so a long turn is measured in CPU time of the thread too.
 * Reading that is a system call, as expensive as a small part of a request. Therefore it is read
 * before a turn only if the last reading is CPU_AGE old, and after a turn only if the turn was at
 * least that long. What the thread used between the reading and the turn, less than CPU_AGE, counts
 * as the turn's.
 */
#include "daemon/base/turn-times.h"

#include <inttypes.h>
#include <stdio.h>

#include "daemon/base/clock.h"

enum { CPU_AGE = 100 /* microseconds */ };

static const uint64_t turn_times_bounds[TURN_TIMES_CLASSES - 1] = {10, 100, 1000, 2000, 10000};

void turn_times_begin(struct turn_times *turn_times)
{
	turn_times->began = clock_now_usec();
	if (turn_times->began - turn_times->cpu_read < CPU_AGE)
		return;
	turn_times->cpu = clock_cpu_usec();
	turn_times->cpu_read = turn_times->began;
}

uint64_t turn_times_end(struct turn_times *turn_times)
{
	uint64_t now = clock_now_usec();
	uint64_t usec = now - turn_times->began, cpu_usec = usec;
	if (usec >= CPU_AGE) {
		cpu_usec = clock_cpu_usec() - turn_times->cpu;
		if (cpu_usec > usec)
			cpu_usec = usec;
	}
	turn_times_count(turn_times, usec, cpu_usec);
	return now;
}

void turn_times_count(struct turn_times *turn_times, uint64_t usec, uint64_t cpu_usec)
{
	int i = 0;
	while (i < TURN_TIMES_CLASSES - 1 && usec >= turn_times_bounds[i])
		i++;
	turn_times->counts[i]++;
	if (usec > turn_times->longest)
		turn_times->longest = usec;
	if (cpu_usec > turn_times->longest_cpu)
		turn_times->longest_cpu = cpu_usec;
}

void turn_times_describe(const struct turn_times *turn_times, char text[TURN_TIMES_TEXT])
{
	size_t length = 0;
	for (int i = 0; i < TURN_TIMES_CLASSES; i++)
		length += (size_t)snprintf(text + length, TURN_TIMES_TEXT - length, "%s%" PRIu64,
			i == 0 ? "" : ",", turn_times->counts[i]);
}
