/*
 * Tests of how turns are counted.
 */
#include <string.h>

#include "daemon/base/clock.h"
#include "daemon/base/turn-times.h"
#include "tests/unit/unit.h"

/* A turn counts in the class of its time by the clock, and the longest of each kind stays. */
static void test_classes(void **state)
{
	static const struct {
		uint64_t usec, cpu_usec;
		const char *counts;
		uint64_t longest, longest_cpu;
	} turns[] = {
		{0, 0, "1,0,0,0,0,0", 0, 0},
		{9, 9, "2,0,0,0,0,0", 9, 9},
		{10, 10, "2,1,0,0,0,0", 10, 10},
		{99, 99, "2,2,0,0,0,0", 99, 99},
		{100, 40, "2,2,1,0,0,0", 100, 99},
		{999, 800, "2,2,2,0,0,0", 999, 800},
		{1000, 10, "2,2,2,1,0,0", 1000, 800},
		{1999, 900, "2,2,2,2,0,0", 1999, 900},
		{2000, 0, "2,2,2,2,1,0", 2000, 900},
		{9999, 0, "2,2,2,2,2,0", 9999, 900},
		{10000, 0, "2,2,2,2,2,1", 10000, 900},
		{UINT64_MAX, 0, "2,2,2,2,2,2", UINT64_MAX, 900},
		{5, 5, "3,2,2,2,2,2", UINT64_MAX, 900},
	};
	struct turn_times turn_times = {0};
	char text[TURN_TIMES_TEXT];
	(void)state;
	for (size_t i = 0; i < COUNT(turns); i++) {
		turn_times_count(&turn_times, turns[i].usec, turns[i].cpu_usec);
		turn_times_describe(&turn_times, text);
		assert_string_equal(text, turns[i].counts);
		assert_int_equal(turn_times.longest, turns[i].longest);
		assert_int_equal(turn_times.longest_cpu, turns[i].longest_cpu);
	}
}

static void test_largest_text(void **state)
{
	struct turn_times turn_times;
	char text[TURN_TIMES_TEXT];
	(void)state;
	memset(&turn_times, 0xff, sizeof(turn_times));
	turn_times_describe(&turn_times, text);
	assert_int_equal(strlen(text), TURN_TIMES_CLASSES * 21 - 1);
}

/* A turn is at least as long as what happens in it, and uses no more CPU time than it lasts. */
static void test_measured(void **state)
{
	struct turn_times turn_times = {0};
	(void)state;
	turn_times_begin(&turn_times);
	uint64_t began = clock_now_usec(), cpu = clock_cpu_usec();
	while (clock_now_usec() - began < 1000 || clock_cpu_usec() - cpu < 500) {
	}
	uint64_t end = turn_times_end(&turn_times);
	assert_true(turn_times.longest >= 1000);
	assert_true(turn_times.longest >= turn_times.longest_cpu);
	assert_true(turn_times.longest_cpu >= 500);
	assert_true(end >= began + 1000);
	assert_int_equal(turn_times.counts[0] + turn_times.counts[1] + turn_times.counts[2], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_classes),
		cmocka_unit_test(test_largest_text),
		cmocka_unit_test(test_measured),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
