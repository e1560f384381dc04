/*
 * Tests of deferred frees: JOB_FREE and JOB_LAST are sent in this order, also when the channel is
 * full, and each segment is counted as freed once.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/job/job.h"
#include "daemon/job/spawn.h"
#include "daemon/segment/deferred-free.h"
#include "daemon/segment/segment.h"
#include "tests/unit/unit.h"

enum { SIZE = 8192, WAIT_USEC = 5000000 };

static sd_event *event;
static struct deferred_free deferred_free;
static int far; /* the process's end of the channel */
static unsigned calls_of_freed;

int __wrap_spawn_start(const char *program, int *channel, pid_t *pid);

/* A process that does nothing until it is killed; the test speaks in its place. */
int __wrap_spawn_start(const char *program, int *channel, pid_t *pid)
{
	int ends[2];
	(void)program;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) < 0)
		return -errno;
	*channel = ends[0];
	far = ends[1];
	*pid = fork();
	if (*pid < 0)
		return -errno;
	while (*pid == 0)
		pause();
	return 0;
}

static void count_call_of_freed(void *context)
{
	(void)context;
	calls_of_freed++;
}

static int begin(void **state)
{
	sigset_t blocked;
	(void)state;
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGCHLD); /* sd_event_add_child(3) needs it */
	sigprocmask(SIG_BLOCK, &blocked, NULL);
	far = -1;
	calls_of_freed = 0;
	if (sd_event_new(&event) < 0 || deferred_free_init(&deferred_free, event, "") < 0)
		return -1;
	deferred_free.freed = count_call_of_freed;
	return 0;
}

static int end(void **state)
{
	(void)state;
	deferred_free_stop(&deferred_free);
	deferred_free_destroy(&deferred_free);
	sd_event_unref(event);
	return far >= 0 ? close(far) : 0;
}

static int make_segment(void)
{
	int fd = segment_create(SIZE);
	assert_return_code(fd, -fd);
	assert_return_code(fallocate(fd, 0, 0, SIZE), errno);
	return fd;
}

/* Whether it was closed here. */
static bool free_segment(void)
{
	int fd = make_segment();
	deferred_free_free(&deferred_free, fd, "", 0);
	return fcntl(fd, F_GETFD) < 0;
}

/* The next packet's kind, 0 when there is none; JOB_FREE has a descriptor. */
static uint32_t receive(void)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	struct job_signal packet;
	struct iovec data = {&packet, sizeof(packet)};
	struct msghdr message = {
		.msg_iov = &data,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	if (recvmsg(far, &message, MSG_CMSG_CLOEXEC) < 0) {
		assert_int_equal(errno, EAGAIN);
		return 0;
	}
	const struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
	assert_int_equal(rights != NULL, packet.kind == JOB_FREE);
	if (rights) {
		int fd;
		memcpy(&fd, CMSG_DATA(rights), sizeof(fd));
		close(fd);
	}
	return packet.kind;
}

static void answer(enum job_kind kind)
{
	const struct job_ready packet = {.kind = kind};
	size_t size = kind == JOB_READY ? sizeof(packet) : sizeof(struct job_signal);
	assert_int_equal(send(far, &packet, size, MSG_NOSIGNAL), size);
	assert_true(sd_event_run(event, WAIT_USEC) > 0);
}

static void fill_channel(void)
{
	const struct job_signal packet = {JOB_REFUSE};
	while (send(deferred_free.channel, &packet, sizeof(packet), MSG_NOSIGNAL) > 0)
		;
	assert_int_equal(errno, EAGAIN);
}

/* The kind of the first packet after those that filled the channel. */
static uint32_t receive_rest(void)
{
	uint32_t kind;
	while ((kind = receive()) == JOB_REFUSE)
		;
	return kind;
}

static void assert_counts(unsigned pending, uint64_t freed)
{
	assert_int_equal(deferred_free.pending, pending);
	assert_int_equal(deferred_free.bytes, (uint64_t)pending * SIZE);
	assert_int_equal(deferred_free.unlinked.freed, freed);
}

static void test_two_steps(void **state)
{
	(void)state;
	for (unsigned i = 1; i <= 3; i++) {
		assert_true(free_segment());
		assert_false(deferred_free.last_is_due);
		assert_int_equal(receive(), JOB_FREE);
		assert_int_equal(receive(), JOB_LAST);
		assert_int_equal(receive(), 0);
		assert_counts(i, 0);
	}
	answer(JOB_READY);
	for (unsigned i = 1; i <= 3; i++) {
		assert_int_equal(calls_of_freed, 0);
		answer(JOB_DONE);
		assert_counts(3 - i, (uint64_t)i * SIZE);
	}
	assert_int_equal(calls_of_freed, 1);
}

/* A segment that the channel has no space for is closed here, and is free at once. */
static void test_full_channel(void **state)
{
	(void)state;
	assert_true(free_segment());
	fill_channel();
	assert_true(free_segment());
	assert_false(deferred_free.last_is_due);
	assert_counts(1, SIZE);
	assert_int_equal(receive(), JOB_FREE);
	assert_int_equal(receive(), JOB_LAST);
	assert_int_equal(receive_rest(), 0);
}

/* Fills the channel so that it has space for JOB_FREE, and none for JOB_LAST. */
static void free_without_last(void)
{
	assert_true(free_segment());
	assert_int_equal(receive(), JOB_FREE);
	assert_int_equal(receive(), JOB_LAST);
	fill_channel();
	assert_int_equal(receive(), JOB_REFUSE);
	assert_true(free_segment());
	assert_true(deferred_free.last_is_due);
	assert_counts(2, 0);
}

/* JOB_LAST comes before the next segment, which is closed here while it cannot be sent. */
static void test_last_comes_first(void **state)
{
	(void)state;
	free_without_last();
	assert_true(free_segment());
	assert_counts(2, SIZE);
	assert_int_equal(receive_rest(), JOB_FREE);
	assert_int_equal(receive(), 0);
	assert_true(free_segment());
	assert_false(deferred_free.last_is_due);
	assert_int_equal(receive(), JOB_LAST);
	assert_int_equal(receive(), JOB_FREE);
	assert_int_equal(receive(), JOB_LAST);
	assert_counts(3, SIZE);
}

/* JOB_LAST comes by itself when the channel can be written to. */
static void test_last_comes_later(void **state)
{
	(void)state;
	free_without_last();
	assert_int_equal(receive_rest(), JOB_FREE);
	assert_true(sd_event_run(event, WAIT_USEC) > 0);
	assert_false(deferred_free.last_is_due);
	assert_int_equal(receive(), JOB_LAST);
	assert_int_equal(sd_event_run(event, 0), 0);
}

static void test_closed_channel(void **state)
{
	(void)state;
	assert_true(free_segment());
	shutdown(far, SHUT_RDWR);
	assert_true(free_segment());
	assert_counts(1, SIZE);
	while (deferred_free.child)
		assert_true(sd_event_run(event, WAIT_USEC) > 0);
	assert_counts(0, 2 * SIZE);
	assert_int_equal(calls_of_freed, 1);
}

/* The end of the process frees what it had; it must report its sandbox before all else. */
static void test_wrong_answers(void **state)
{
	static const enum job_kind wrong[] = {JOB_DONE, JOB_NO_SPARE, JOB_ERROR};
	(void)state;
	for (unsigned i = 0; i < COUNT(wrong); i++) {
		assert_true(free_segment());
		if (wrong[i] != JOB_DONE)
			answer(JOB_READY);
		answer(wrong[i]);
		while (deferred_free.child)
			assert_true(sd_event_run(event, WAIT_USEC) > 0);
		assert_counts(0, (uint64_t)(i + 1) * SIZE);
		close(far);
		far = -1;
	}
	assert_int_equal(calls_of_freed, COUNT(wrong));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_two_steps, begin, end),
		cmocka_unit_test_setup_teardown(test_full_channel, begin, end),
		cmocka_unit_test_setup_teardown(test_last_comes_first, begin, end),
		cmocka_unit_test_setup_teardown(test_last_comes_later, begin, end),
		cmocka_unit_test_setup_teardown(test_closed_channel, begin, end),
		cmocka_unit_test_setup_teardown(test_wrong_answers, begin, end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
