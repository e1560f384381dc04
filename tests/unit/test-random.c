/*
 * Tests of random numbers: few system calls, and no number twice, also in other threads and
 * processes.
 */
#include "tests/unit/unit.h"

#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/base/random.h"

enum { BYTES = 16, DIGITS = 2 * BYTES, DRAWS = 160 };

static unsigned calls;

ssize_t __real_getrandom(void *buffer, size_t size, unsigned flags);
ssize_t __wrap_getrandom(void *buffer, size_t size, unsigned flags);
ssize_t __wrap_getrandom(void *buffer, size_t size, unsigned flags)
{
	calls++;
	return __real_getrandom(buffer, size, flags);
}

static void test_hexadecimal(void **state)
{
	(void)state;
	for (size_t bytes = 0; bytes <= 300; bytes++) {
		char text[602];
		memset(text, 'x', sizeof(text));
		assert_int_equal(random_hex(text, bytes), 0);
		assert_int_equal(strlen(text), 2 * bytes);
		assert_int_equal(strspn(text, "0123456789abcdef"), 2 * bytes);
		assert_int_equal(text[2 * bytes + 1], 'x');
	}
}

static void test_few_calls_and_no_number_twice(void **state)
{
	static char names[DRAWS][DIGITS + 1];
	(void)state;
	unsigned before = calls;
	for (size_t i = 0; i < DRAWS; i++) {
		assert_int_equal(random_hex(names[i], BYTES), 0);
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(names[i], names[j]);
	}
	assert_in_range(calls - before, DRAWS / 16, DRAWS / 16 + 1);
}

static void *draw(void *text)
{
	random_hex(text, BYTES);
	return NULL;
}

static void test_another_thread(void **state)
{
	char first[DIGITS + 1], here[DIGITS + 1], there[DIGITS + 1];
	pthread_t thread;
	(void)state;
	assert_int_equal(random_hex(first, BYTES), 0);
	assert_int_equal(pthread_create(&thread, NULL, draw, there), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(random_hex(here, BYTES), 0);
	assert_string_not_equal(here, there);
}

/* The child does not use the rest of the parent's pool. */
static void test_another_process(void **state)
{
	char first[DIGITS + 1], here[DIGITS + 1], there[DIGITS + 1] = "";
	int ends[2], status;
	(void)state;
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(random_hex(first, BYTES), 0);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		random_hex(there, BYTES);
		_exit(write(ends[1], there, sizeof(there)) != sizeof(there));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(read(ends[0], there, sizeof(there)), sizeof(there));
	assert_int_equal(random_hex(here, BYTES), 0);
	assert_string_not_equal(here, there);
	close(ends[0]);
	close(ends[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hexadecimal),
		cmocka_unit_test(test_few_calls_and_no_number_twice),
		cmocka_unit_test(test_another_thread),
		cmocka_unit_test(test_another_process),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
