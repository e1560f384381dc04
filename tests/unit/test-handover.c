/*
 * Tests of descriptors that are handed over: in two steps, in order, also when there is no room
 * for the second, and never lost.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/job/job.h"
#include "daemon/job/spawn.h"
#include "daemon/segment/handover.h"
#include "tests/unit/unit.h"

static int far;
static struct handover handover;

static int begin(void **state)
{
	int ends[2];
	(void)state;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) < 0)
		return -1;
	handover = (struct handover){.channel = ends[0]};
	far = ends[1];
	return 0;
}

static int end(void **state)
{
	(void)state;
	close(handover.channel);
	return close(far);
}

/* The next packet's kind, 0 when there is none; its descriptor, which must come with some. */
static uint32_t hear(void)
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

static void fill(void)
{
	const struct job_signal packet = {JOB_REFUSE};
	while (process_send(handover.channel, &packet, sizeof(packet), -1) == 0) {
	}
}

static void test_two_steps(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
		assert_int_equal(handover_give(&handover, fd), 0);
		assert_false(handover.due);
		assert_int_equal(fcntl(fd, F_GETFD), -1);
		assert_int_equal(hear(), JOB_FREE);
		assert_int_equal(hear(), JOB_LAST);
		assert_int_equal(hear(), 0);
	}
	assert_int_equal(handover_settle(&handover), 0);
	assert_int_equal(hear(), 0);
}

static void test_no_room(void **state)
{
	(void)state;
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	fill();
	assert_int_equal(handover_give(&handover, fd), -EAGAIN);
	assert_false(handover.due);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	close(fd);
}

/* The first finds room, the second none: it comes before what is given next. */
static void test_no_room_for_the_second(void **state)
{
	(void)state;
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	fill();
	assert_int_equal(hear(), JOB_REFUSE);
	assert_int_equal(handover_give(&handover, fd), 0);
	assert_true(handover.due);
	assert_int_equal(fcntl(fd, F_GETFD), -1);
	fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	assert_int_equal(handover_settle(&handover), -EAGAIN);
	assert_int_equal(handover_give(&handover, fd), -EAGAIN);
	uint32_t kind;
	while ((kind = hear()) == JOB_REFUSE) {
	}
	assert_int_equal(kind, JOB_FREE);
	assert_int_equal(hear(), 0);
	assert_int_equal(handover_give(&handover, fd), 0);
	assert_false(handover.due);
	assert_int_equal(hear(), JOB_LAST);
	assert_int_equal(hear(), JOB_FREE);
	assert_int_equal(hear(), JOB_LAST);
}

static void test_nobody_there(void **state)
{
	(void)state;
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	shutdown(far, SHUT_RDWR);
	assert_int_equal(handover_give(&handover, fd), -EPIPE);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_two_steps, begin, end),
		cmocka_unit_test_setup_teardown(test_no_room, begin, end),
		cmocka_unit_test_setup_teardown(test_no_room_for_the_second, begin, end),
		cmocka_unit_test_setup_teardown(test_nobody_there, begin, end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
