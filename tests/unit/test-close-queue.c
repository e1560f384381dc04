/*
 * Tests of files that are closed by threads: that each of them is, that those which hang hold
 * up nobody but their user, and what becomes of all when no thread can be made.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "daemon/base/clock.h"
#include "daemon/file/close-queue.h"
#include "tests/unit/fault.h"
#include "tests/unit/unit.h"
#include "tests/unit/world.h"

enum { ANNA = 1001, BERT = 1002, DESCRIPTORS = 512, CALLS_MAX = 100 };

#define WAIT_USEC UINT64_C(20000000)

/* What is closed as a descriptor of an evil file is: its number is free, and then it hangs. */
static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool evil[DESCRIPTORS];
	unsigned hanging;
	bool released;
} server = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

int __real_close(int fd);
int __wrap_close(int fd);
int __wrap_close(int fd)
{
	pthread_mutex_lock(&server.lock);
	bool hangs = fd >= 0 && fd < DESCRIPTORS && server.evil[fd];
	if (hangs)
		server.evil[fd] = false;
	int r = __real_close(fd);
	int error = errno;
	if (hangs) {
		server.hanging++;
		while (!server.released)
			pthread_cond_wait(&server.changed, &server.lock);
		server.hanging--;
	}
	pthread_mutex_unlock(&server.lock);
	errno = error;
	return r;
}

static unsigned count_hanging(void)
{
	pthread_mutex_lock(&server.lock);
	unsigned count = server.hanging;
	pthread_mutex_unlock(&server.lock);
	return count;
}

static void release(bool released)
{
	pthread_mutex_lock(&server.lock);
	server.released = released;
	pthread_cond_broadcast(&server.changed);
	pthread_mutex_unlock(&server.lock);
}

static int open_file(bool evil)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	assert_in_range(fd, 0, DESCRIPTORS - 1);
	pthread_mutex_lock(&server.lock);
	server.evil[fd] = evil;
	pthread_mutex_unlock(&server.lock);
	return fd;
}

static sd_event *event;
static struct close_queues close_queues;
static struct close_queue *anna, *bert;
static unsigned descriptors, changes;

static void on_changed(void *context)
{
	(void)context;
	changes++;
}

static int set_up(void **state)
{
	(void)state;
	descriptors = world_descriptors();
	release(false);
	changes = 0;
	assert_return_code(sd_event_new(&event), errno);
	assert_return_code(close_queues_init(&close_queues, event), errno);
	close_queues.changed = on_changed;
	anna = close_queue_join(&close_queues, ANNA);
	bert = close_queue_join(&close_queues, BERT);
	assert_non_null(anna);
	assert_non_null(bert);
	return 0;
}

static void leave(void)
{
	close_queue_leave(anna);
	close_queue_leave(bert);
	anna = bert = NULL;
	close_queues_stop(&close_queues);
	event = sd_event_unref(event);
}

static int tear_down(void **state)
{
	(void)state;
	release(true);
	leave();
	assert_int_equal(world_descriptors(), descriptors);
	return 0;
}

static void give(struct close_queue *close_queue, bool evil, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		close_queue_add(close_queue, open_file(evil));
}

/* As the daemon's thread would: it never waits for more than events. */
static void run(void)
{
	assert_true(sd_event_run(event, WAIT_USEC) > 0);
}

static void run_until_closed(void)
{
	while (close_queues_count(&close_queues) > 0)
		run();
}

static void run_until_hanging(unsigned count)
{
	while (count_hanging() < count)
		run();
}

static unsigned count_threads(void)
{
	pthread_mutex_lock(&close_queues.close_threads->lock);
	unsigned count = close_queues.close_threads->thread_count;
	pthread_mutex_unlock(&close_queues.close_threads->lock);
	return count;
}

static void test_each_is_closed(void **state)
{
	(void)state;
	unsigned before = world_descriptors();
	for (unsigned round = 0; round < 20; round++) {
		give(anna, false, round);
		give(bert, false, 2 * round);
		assert_int_equal(close_queues_is_due(&close_queues), round > 0);
		run_until_closed();
		assert_int_equal(world_descriptors(), before);
	}
	while (close_queues_is_due(&close_queues) || close_queues.watching)
		run();
	assert_in_range(count_threads(), 0, 1); /* one was enough, and waits for more for a while */
	assert_int_equal(close_queue_check(anna), CLOSE_QUEUE_FEW);
}

/* None is left when nothing has come for a while, and there is one again for what comes then. */
static void test_threads_without_work_end(void **state)
{
	(void)state;
	for (unsigned round = 0; round < 3; round++) {
		give(anna, false, 5);
		run_until_closed();
		while (count_threads() > 0)
			sched_yield();
	}
}

/* The number is let go of before the file is, and may be another one's that waits. */
static void test_numbers_that_come_back(void **state)
{
	(void)state;
	give(anna, true, 2);
	run_until_hanging(2);
	unsigned before = world_descriptors();
	give(anna, false, 3);
	give(bert, false, 3);
	while (close_queues_count(&close_queues) > 2)
		run();
	assert_int_equal(world_descriptors(), before);
	release(true);
	run_until_closed();
}

static void test_nothing(void **state)
{
	int none = -1;
	(void)state;
	errno = EXDEV;
	close_queue_drop(anna, &none);
	assert_int_equal(errno, EXDEV);
	close_queue_leave(NULL);
	assert_int_equal(close_queues_count(&close_queues), 0);
	assert_false(close_queues_is_due(&close_queues));
}

static void test_joined_twice(void **state)
{
	(void)state;
	struct close_queue *again = close_queue_join(&close_queues, ANNA);
	assert_ptr_equal(again, anna);
	close_queue_add(again, open_file(false));
	close_queue_leave(again);
	close_queue_leave(anna); /* its last one goes when that is closed */
	run_until_closed();
	while (close_queues.watching || close_queues_is_due(&close_queues))
		run();
	assert_ptr_equal(RB_ROOT(&close_queues.close_queue), bert);
	anna = close_queue_join(&close_queues, ANNA);
	assert_non_null(anna);
}

/* One user's files hang, as many as there may be threads for; another's are closed. */
static void test_one_user_hangs(void **state)
{
	(void)state;
	give(anna, true, 20);
	run_until_hanging(CLOSE_THREADS_MAX);
	give(bert, false, 30);
	while (close_queues_count(&close_queues) > 20)
		run();
	assert_int_equal(count_hanging(), CLOSE_THREADS_MAX);
	assert_int_equal(close_queues_count(&close_queues), 20);
	assert_int_equal(close_queue_check(bert), CLOSE_QUEUE_FEW);
	assert_int_equal(
		close_queue_check(anna), CLOSE_QUEUE_FEW); /* so few are no reason to do anything */
	release(true);
	run_until_closed();
	while (close_queues.watching)
		run();
	assert_in_range(count_threads(), 0, 1);
}

/* Who has too many has to wait; when it is clear that they hang, in vain. */
static void test_limit(void **state)
{
	(void)state;
	give(anna, true, CLOSE_QUEUE_FILES_MAX - 1);
	assert_int_equal(close_queue_check(anna), CLOSE_QUEUE_FEW);
	give(anna, true, 1);
	assert_int_equal(close_queue_check(anna), CLOSE_QUEUE_MANY);
	while (changes == 0)
		run();
	assert_int_equal(close_queue_check(anna), CLOSE_QUEUE_STUCK);
	assert_true(anna->reported);
	assert_false(bert->reported);
	struct close_queue *again = close_queue_join(&close_queues, ANNA);
	assert_int_equal(close_queue_check(again), CLOSE_QUEUE_STUCK);
	close_queue_leave(again);
	release(true);
	run_until_closed();
	while (close_queue_check(anna) != CLOSE_QUEUE_FEW)
		run();
	while (anna->stuck || anna->reported)
		run();
}

/* Who waits hears of it when they are fewer, though none hangs. */
static void test_many_that_do_not_hang(void **state)
{
	(void)state;
	give(anna, false, CLOSE_QUEUE_FILES_MAX);
	if (close_queue_check(anna) == CLOSE_QUEUE_MANY) { /* no thread may have taken one yet */
		while (changes == 0)
			run();
	}
	assert_int_equal(close_queue_check(anna), CLOSE_QUEUE_FEW);
	assert_false(anna->reported);
}

/* There are places for what could be open at the start; what is beyond stays open. */
static void test_beyond_the_limit(void **state)
{
	struct rlimit before, low;
	(void)state;
	leave();
	assert_return_code(getrlimit(RLIMIT_NOFILE, &before), errno);
	low = before;
	low.rlim_cur = 200;
	assert_return_code(setrlimit(RLIMIT_NOFILE, &low), errno);
	set_up(NULL);
	assert_return_code(setrlimit(RLIMIT_NOFILE, &before), errno);
	int fd = open_file(false);
	assert_int_equal(fcntl(fd, F_DUPFD_CLOEXEC, 200), 200);
	close_queue_add(anna, fd);
	close_queue_add(anna, 200);
	run_until_closed();
	assert_true(fcntl(200, F_GETFD) >= 0);
	assert_true(fcntl(fd, F_GETFD) < 0);
	close(200);
}

static void test_faults_at_the_start(void **state)
{
	unsigned n = 0;
	(void)state;
	leave();
	for (bool failed = true; failed;) {
		assert_return_code(sd_event_new(&event), errno);
		fault_arm(++n);
		int r = close_queues_init(&close_queues, event);
		failed = fault_disarm();
		if (failed ? r >= 0 : r < 0)
			fail_msg("call %u, %s: %d", n, fault_name(), r);
		if (!failed)
			close_queues_stop(&close_queues);
		event = sd_event_unref(event);
		assert_int_equal(world_descriptors(), descriptors);
		assert_in_range(n, 1, CALLS_MAX);
	}
	assert_in_range(n, 6, CALLS_MAX); /* memory, the bell, three sources */
	set_up(NULL);
	fault_arm(1);
	assert_null(close_queue_join(&close_queues, 1));
	assert_true(fault_disarm());
}

/* Without a thread they wait for one. */
static void test_faults_in_a_thread(void **state)
{
	unsigned n = 0;
	(void)state;
	for (bool failed = true; failed;) {
		leave();
		set_up(NULL);
		unsigned before = world_descriptors();
		give(anna, false, 3);
		fault_arm(++n);
		run_until_closed();
		failed = fault_disarm();
		assert_int_equal(world_descriptors(), before);
		assert_in_range(n, 1, CALLS_MAX);
	}
	assert_in_range(n, 4, CALLS_MAX); /* memory, what it shall be like, the thread */
}

/* A daemon that ends does not wait for what hangs, but for all else. */
static void test_end(void **state)
{
	static struct close_queue *kept; /* a thread that hangs has it */
	(void)state;
	give(bert, false, 50);
	leave();
	assert_int_equal(world_descriptors(), descriptors);
	set_up(NULL);
	give(anna, true, 10);
	give(bert, false, 10);
	kept = anna;
	unsigned bell = (unsigned)close_queues.close_threads->bell;
	uint64_t began = clock_now_usec();
	leave();
	assert_in_range(clock_now_usec() - began, 0, WAIT_USEC / 2);
	assert_int_equal(count_hanging(), CLOSE_THREADS_MAX);
	release(true);
	/* Threads that are left alone close the rest, and what they shared. */
	while (fcntl((int)bell, F_GETFD) >= 0 || count_hanging() > 0)
		sched_yield();
	free(kept);
	set_up(NULL);
}

/* Counts received descriptors for a user until there is no share left. Returns how many. */
static uint64_t take_share(struct close_queue *close_queue)
{
	uint64_t before = close_queue->received;
	while (close_queue_has_share(close_queue))
		close_queue_count_received(close_queue, 1);
	return close_queue->received - before;
}

static void test_share(void **state)
{
	struct rlimit limit;
	(void)state;
	assert_return_code(getrlimit(RLIMIT_NOFILE, &limit), errno);
	uint64_t all = limit.rlim_cur;
	assert_in_range(take_share(anna), all / 4, all / 4 + 1);
	assert_in_range(take_share(bert), all / 8, all / 8 + 1);
	assert_int_equal(take_share(anna), 0);
	assert_in_range(close_queues.received, all / 4, all / 2);
	close_queue_count_received(anna, -(int)anna->received);
	assert_true(take_share(bert) > 0);
	close_queue_count_received(bert, -(int)bert->received);
	assert_int_equal(close_queues.received, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_each_is_closed),
		TEST(test_threads_without_work_end),
		TEST(test_numbers_that_come_back),
		TEST(test_nothing),
		TEST(test_joined_twice),
		TEST(test_one_user_hangs),
		TEST(test_limit),
		TEST(test_many_that_do_not_hang),
		TEST(test_beyond_the_limit),
		TEST(test_share),
		TEST(test_faults_at_the_start),
		TEST(test_faults_in_a_thread),
		TEST(test_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
