/*
 * Whether a call sleeps before its answer comes: that of a client that spins does not, and no
 * spinning outlasts the call's timeout.
 */
#include "tests/unit/unit.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <semaphore.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/unit/fake-daemon.h"

enum { SHORT = 50, /* milliseconds */ TRIES = 5 };

/* The calls of the client's thread, while it is watched, are counted. */
static _Thread_local bool watched;
static unsigned sleeps, receipts;
static sem_t slept, tried;

/* In the place of the C library's, for the library too. */
#pragma GCC visibility push(default)

int poll(struct pollfd *fds, nfds_t count, int timeout)
{
	if (watched) {
		sleeps++;
		sem_post(&slept);
	}
	return (int)syscall(SYS_poll, fds, count, timeout);
}

ssize_t recvmsg(int fd, struct msghdr *message, int flags)
{
	if (watched && ++receipts == TRIES)
		sem_post(&tried);
	return syscall(SYS_recvmsg, fd, message, flags);
}

#pragma GCC visibility pop

static void answer_when(struct fake *fake, sem_t *moment)
{
	fake_handshake(fake);
	fake_hear(fake, "DROP name=a");
	struct timespec end;
	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += FAKE_TIMEOUT / 1000;
	if (sem_timedwait(moment, &end) < 0)
		return;
	fake_say(fake, "OK\n");
	fake_hear_end(fake);
}

static void answer_sleeper(struct fake *fake, void *context)
{
	(void)context;
	answer_when(fake, &slept);
}

static void answer_spinner(struct fake *fake, void *context)
{
	(void)context;
	answer_when(fake, &tried);
}

static void never_answer(struct fake *fake, void *context)
{
	(void)context;
	fake_handshake(fake);
	fake_hear(fake, "DROP name=a");
	fake_hear_end(fake);
}

/* What a call returns, and how often it slept and tried to receive. */
static int watch_drop(shmimg_client *client)
{
	sleeps = receipts = 0;
	watched = true;
	int r = shmimg_drop(client, "a", NULL);
	watched = false;
	return r;
}

static void sleeps_at_once(void **state)
{
	shmimg_client *client = fake_connect(*state, answer_sleeper, NULL);
	assert_int_equal(watch_drop(client), 0);
	assert_int_equal(sleeps, 1);
	assert_in_range(receipts, 1, 2);
	fake_finish(*state, client);
}

static void spins(void **state)
{
	shmimg_client *client = fake_connect(*state, answer_spinner, NULL);
	shmimg_set_spin(client, UINT_MAX);
	assert_int_equal(watch_drop(client), 0);
	assert_int_equal(sleeps, 0);
	assert_true(receipts >= TRIES);
	fake_finish(*state, client);
}

static void sleeps_after_a_while(void **state)
{
	shmimg_client *client = fake_connect(*state, answer_sleeper, NULL);
	shmimg_set_spin(client, 1000);
	assert_int_equal(watch_drop(client), 0);
	assert_int_equal(sleeps, 1);
	assert_true(receipts >= 2);
	fake_finish(*state, client);
}

static void spins_no_longer_than_the_timeout(void **state)
{
	shmimg_client *client = fake_connect(*state, never_answer, NULL);
	shmimg_set_spin(client, UINT_MAX);
	shmimg_set_timeout(client, SHORT);
	assert_int_equal(watch_drop(client), -ETIMEDOUT);
	fake_finish(*state, client);
}

static int setup(void **state)
{
	sem_init(&slept, 0, 0);
	sem_init(&tried, 0, 0);
	return fake_setup(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(sleeps_at_once, setup, fake_teardown),
		cmocka_unit_test_setup_teardown(spins, setup, fake_teardown),
		cmocka_unit_test_setup_teardown(sleeps_after_a_while, setup, fake_teardown),
		cmocka_unit_test_setup_teardown(
			spins_no_longer_than_the_timeout, setup, fake_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
