/*
 * Tests of the number of free descriptors: it is exact, with /proc and without.
 */
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/protocol/fdpass.h"
#include "daemon/base/fd-budget.h"

enum { NEEDED = FDPASS_MAX + 256, NUMBERS = 3 * NEEDED, PAUSE_MSEC = 110 };

static bool proc_is_missing;

int __real_stat64(const char *path, struct stat *status);
int __wrap_stat64(const char *path, struct stat *status);
int __wrap_stat64(const char *path, struct stat *status)
{
	if (!proc_is_missing)
		return __real_stat64(path, status);
	errno = ENOENT;
	return -1;
}

static bool is_scarce_now(void)
{
	poll(NULL, 0, PAUSE_MSEC);
	fd_budget_take(UINT_MAX); /* what is known is forgotten */
	return fd_budget_is_scarce();
}

/* Takes all numbers below the limit. */
static void take_all(int fds[NUMBERS], size_t *count)
{
	for (*count = 0; *count < NUMBERS; ++*count) {
		fds[*count] = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0);
		if (fds[*count] < 0)
			return;
	}
}

/* Makes every second number free: the free numbers have gaps. */
static void check_exactness(void)
{
	int fds[NUMBERS];
	size_t count;
	take_all(fds, &count);
	assert_in_range(count, 2 * NEEDED, NUMBERS - 1);
	assert_true(is_scarce_now());
	for (size_t i = 0; i < 2 * (NEEDED - 1); i += 2)
		close(fds[i]);
	assert_true(is_scarce_now());
	close(fds[2 * (NEEDED - 1)]);
	assert_false(is_scarce_now());
	fd_budget_take(1);
	assert_true(fd_budget_is_scarce()); /* not counted again at once */
	assert_false(is_scarce_now());
	for (size_t i = 0; i < count; i++) {
		if (i % 2 == 1 || i > 2 * (NEEDED - 1))
			close(fds[i]);
	}
	assert_false(is_scarce_now());
}

static void check_with_limit(void)
{
	struct rlimit before, limit;
	assert_return_code(getrlimit(RLIMIT_NOFILE, &before), errno);
	limit = before;
	limit.rlim_cur = NUMBERS;
	assert_return_code(setrlimit(RLIMIT_NOFILE, &limit), errno);
	check_exactness();
	assert_return_code(setrlimit(RLIMIT_NOFILE, &before), errno);
}

static void test_with_proc(void **state)
{
	(void)state;
	check_with_limit();
}

static void test_without_proc(void **state)
{
	(void)state;
	proc_is_missing = true;
	check_with_limit();
	proc_is_missing = false;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_with_proc),
		cmocka_unit_test(test_without_proc),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
