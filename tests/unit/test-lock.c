/*
 * The lock: one holder at a time, for as long as it lives and no longer.
 */
#include "tests/unit/unit.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sem.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/fake-image.h"

enum { SHORT = 50 }; /* milliseconds */

/* An image that is fetched, without a daemon any more. */
struct locked {
	struct fixture *fixture;
	shmimg_image *image;
};

static int setup(void **state)
{
	struct locked *locked = calloc(1, sizeof(*locked));
	void *fixture = NULL;
	if (!locked || fixture_setup(&fixture) < 0)
		return -1;
	locked->fixture = fixture;
	fake_finish(&locked->fixture->fake, fixture_fetch(locked->fixture, &locked->image));
	*state = locked;
	return 0;
}

static int teardown(void **state)
{
	struct locked *locked = *state;
	void *fixture = locked->fixture;
	shmimg_unref(locked->image);
	fixture_teardown(&fixture);
	free(locked);
	return 0;
}

static int value(const struct locked *locked)
{
	int found = semctl(locked->fixture->segment.set, 2, GETVAL);
	assert_return_code(found, errno);
	return found;
}

/* Starts a process that takes the lock, and waits until it has it. */
static pid_t hold_elsewhere(const struct locked *locked)
{
	int ends[2];
	char byte;
	assert_int_equal(pipe(ends), 0);
	pid_t child = fork();
	assert_return_code(child, errno);
	if (child == 0) {
		if (shmimg_lock(locked->image, FAKE_TIMEOUT) == 0 && write(ends[1], "x", 1) == 1)
			pause();
		_exit(1);
	}
	close(ends[1]);
	ssize_t count = read(ends[0], &byte, 1);
	close(ends[0]);
	assert_int_equal(count, 1);
	return child;
}

static void end_holder(pid_t child)
{
	assert_int_equal(kill(child, SIGKILL), 0);
	assert_int_equal(waitpid(child, NULL, 0), child);
}

static void taken_and_given(void **state)
{
	struct locked *locked = *state;
	for (int i = 0; i < 3; i++) {
		assert_int_equal(value(locked), 1);
		assert_int_equal(shmimg_lock(locked->image, FAKE_TIMEOUT), 0);
		assert_int_equal(value(locked), 0);
		assert_int_equal(shmimg_unlock(locked->image), 0);
	}
	assert_int_equal(value(locked), 1);
}

static void every_timeout_takes_a_free_lock(void **state)
{
	static const int timeouts[] = {0, 1, 1000, 2147483647, -1, -2147483647 - 1};
	struct locked *locked = *state;
	for (size_t i = 0; i < COUNT(timeouts); i++) {
		assert_int_equal(shmimg_lock(locked->image, timeouts[i]), 0);
		assert_int_equal(shmimg_unlock(locked->image), 0);
	}
}

static void not_recursive(void **state)
{
	struct locked *locked = *state;
	assert_int_equal(shmimg_lock(locked->image, 0), 0);
	assert_int_equal(shmimg_lock(locked->image, 0), -EAGAIN);
	int64_t start = unit_now();
	assert_int_equal(shmimg_lock(locked->image, SHORT), -ETIMEDOUT);
	assert_in_range(unit_now() - start, SHORT - 1, FAKE_TIMEOUT / 2);
	assert_int_equal(shmimg_unlock(locked->image), 0);
}

static void unlock_without_lock(void **state)
{
	struct locked *locked = *state;
	assert_int_equal(shmimg_unlock(locked->image), -EPERM);
	assert_int_equal(shmimg_lock(locked->image, 0), 0);
	assert_int_equal(shmimg_unlock(locked->image), 0);
	assert_int_equal(shmimg_unlock(locked->image), -EPERM);
	assert_int_equal(value(locked), 1);
}

static void two_handles_one_lock(void **state)
{
	struct locked *locked = *state;
	shmimg_image *other;
	fake_finish(&locked->fixture->fake, fixture_fetch(locked->fixture, &other));
	assert_int_equal(shmimg_lock(locked->image, 0), 0);
	assert_int_equal(shmimg_lock(other, 0), -EAGAIN);
	assert_int_equal(shmimg_unlock(other), 0);
	assert_int_equal(shmimg_unlock(locked->image), -EPERM);
	shmimg_unref(other);
}

static void others_lock(void **state)
{
	struct locked *locked = *state;
	pid_t child = hold_elsewhere(locked);
	assert_int_equal(shmimg_lock(locked->image, 0), -EAGAIN);
	assert_int_equal(shmimg_lock(locked->image, SHORT), -ETIMEDOUT);
	assert_int_equal(shmimg_unlock(locked->image), -EPERM);
	assert_int_equal(value(locked), 0);
	end_holder(child);
}

static void killed_holder_lets_go(void **state)
{
	struct locked *locked = *state;
	end_holder(hold_elsewhere(locked));
	assert_int_equal(value(locked), 1);
	assert_int_equal(shmimg_unlock(locked->image), -EPERM);
	assert_int_equal(shmimg_lock(locked->image, 0), 0);
	assert_int_equal(shmimg_unlock(locked->image), 0);
}

static void *wait_for_lock(void *image)
{
	return shmimg_lock(image, FAKE_TIMEOUT) == 0 ? image : NULL;
}

/* Looks again and again until somebody waits for the semaphore; the waiter cannot tell. */
static void await_waiter(const struct locked *locked)
{
	int64_t end = unit_now() + FAKE_TIMEOUT;
	while (semctl(locked->fixture->segment.set, 2, GETNCNT) == 0 && unit_now() < end)
		sched_yield();
	assert_int_equal(semctl(locked->fixture->segment.set, 2, GETNCNT), 1);
}

static void waiter_wakes_when_the_holder_dies(void **state)
{
	struct locked *locked = *state;
	pthread_t thread;
	void *result;
	pid_t child = hold_elsewhere(locked);
	assert_int_equal(pthread_create(&thread, NULL, wait_for_lock, locked->image), 0);
	await_waiter(locked);
	end_holder(child);
	assert_int_equal(pthread_join(thread, &result), 0);
	assert_ptr_equal(result, locked->image);
	/* The lock is the process's: this thread may unlock what the other took. */
	assert_int_equal(shmimg_unlock(locked->image), 0);
}

static volatile sig_atomic_t signals;

static void count_signal(int number)
{
	(void)number;
	signals++;
}

static void signals_do_not_end_the_wait(void **state)
{
	struct locked *locked = *state;
	struct sigaction action = {.sa_handler = count_signal}, old;
	struct itimerval tick = {{0, 3000}, {0, 3000}}, off = {{0, 0}, {0, 0}};
	assert_int_equal(shmimg_lock(locked->image, 0), 0);
	assert_int_equal(sigaction(SIGALRM, &action, &old), 0);
	assert_int_equal(setitimer(ITIMER_REAL, &tick, NULL), 0);
	int64_t start = unit_now();
	int r = shmimg_lock(locked->image, SHORT);
	int64_t end = unit_now();
	assert_int_equal(setitimer(ITIMER_REAL, &off, NULL), 0);
	assert_int_equal(sigaction(SIGALRM, &old, NULL), 0);
	assert_int_equal(r, -ETIMEDOUT);
	assert_true(signals > 0);
	assert_in_range(end - start, SHORT - 1, FAKE_TIMEOUT / 2);
	assert_int_equal(shmimg_unlock(locked->image), 0);
}

static void child_does_not_hold_its_parents_lock(void **state)
{
	struct locked *locked = *state;
	int status;
	assert_int_equal(shmimg_lock(locked->image, 0), 0);
	pid_t child = fork();
	assert_return_code(child, errno);
	if (child == 0)
		_exit(shmimg_unlock(locked->image) == -EPERM ? 0 : 1);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_int_equal(shmimg_unlock(locked->image), 0);
}

static void removed_semaphore(void **state)
{
	struct locked *locked = *state;
	assert_int_equal(semctl(locked->fixture->segment.set, 0, IPC_RMID), 0);
	assert_int_equal(shmimg_lock(locked->image, -1), -EIDRM);
	assert_int_equal(shmimg_unlock(locked->image), -EIDRM);
}

static void *wait_for_removal(void *image)
{
	return shmimg_lock(image, FAKE_TIMEOUT) == -EIDRM ? image : NULL;
}

static void semaphore_removed_during_the_wait(void **state)
{
	struct locked *locked = *state;
	pthread_t thread;
	void *result;
	assert_int_equal(shmimg_lock(locked->image, 0), 0);
	assert_int_equal(pthread_create(&thread, NULL, wait_for_removal, locked->image), 0);
	await_waiter(locked);
	assert_int_equal(semctl(locked->fixture->segment.set, 0, IPC_RMID), 0);
	assert_int_equal(pthread_join(thread, &result), 0);
	assert_ptr_equal(result, locked->image);
}

/* Fetches the image again, with another semaphore in its header. */
static shmimg_image *fetch_with(struct locked *locked, int id, unsigned index)
{
	struct fixture *fixture = locked->fixture;
	shmimg_image *image;
	fixture->segment.header.semaphore_id = id;
	fixture->segment.header.semaphore_index = index;
	segment_write(&fixture->segment);
	segment_tell(&fixture->segment, fixture->reply, sizeof(fixture->reply));
	fake_finish(&fixture->fake, fixture_fetch(fixture, &image));
	return image;
}

static void index_beyond_the_set(void **state)
{
	struct locked *locked = *state;
	shmimg_image *image = fetch_with(locked, locked->fixture->segment.set, 4);
	assert_int_equal(shmimg_lock(image, 0), -EIDRM);
	assert_int_equal(shmimg_unlock(image), -EIDRM);
	shmimg_unref(image);
}

/* Makes a set as another user does; root may lock it, and yet must not. */
static int make_set_of_nobody(void)
{
	int ends[2], set = -1;
	assert_int_equal(pipe(ends), 0);
	pid_t child = fork();
	assert_return_code(child, errno);
	if (child == 0) {
		unsigned short values[4] = {1, 1, 1, 1};
		if (setuid(65534) == 0)
			set = semget(IPC_PRIVATE, 4, IPC_CREAT | 0666);
		if (set >= 0 && semctl(set, 0, SETALL, values) == 0 &&
			write(ends[1], &set, sizeof(set)) == sizeof(set))
			_exit(0);
		_exit(1);
	}
	close(ends[1]);
	ssize_t count = read(ends[0], &set, sizeof(set));
	close(ends[0]);
	assert_int_equal(waitpid(child, NULL, 0), child);
	assert_int_equal(count, sizeof(set));
	return set;
}

static void set_that_the_daemon_did_not_make(void **state)
{
	struct locked *locked = *state;
	if (geteuid() != 0) {
		print_message("only root can make semaphores as another user\n");
		skip();
	}
	int set = make_set_of_nobody();
	shmimg_image *image = fetch_with(locked, set, 2);
	int r = shmimg_lock(image, 0);
	semctl(set, 0, IPC_RMID);
	shmimg_unref(image);
	assert_int_equal(r, -EIDRM);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(taken_and_given),
		TEST(every_timeout_takes_a_free_lock),
		TEST(not_recursive),
		TEST(unlock_without_lock),
		TEST(two_handles_one_lock),
		TEST(others_lock),
		TEST(killed_holder_lets_go),
		TEST(waiter_wakes_when_the_holder_dies),
		TEST(signals_do_not_end_the_wait),
		TEST(child_does_not_hold_its_parents_lock),
		TEST(removed_semaphore),
		TEST(semaphore_removed_during_the_wait),
		TEST(index_beyond_the_set),
		TEST(set_that_the_daemon_did_not_make),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
