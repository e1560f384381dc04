/*
 * Tests of descriptors beside bytes: what is sent arrives, what does not fit is reported.
 */
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client/protocol/fdpass.h"

static int sockets[2];

static int open_sockets(void **state)
{
	(void)state;
	return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets);
}

static int close_sockets(void **state)
{
	(void)state;
	close(sockets[0]);
	close(sockets[1]);
	return 0;
}

/* Sends bytes with count times a descriptor; fdpass_send() sends one at most. */
static void send_many(const char *bytes, unsigned count)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(FDPASS_MAX * sizeof(int))];
	} control = {0};
	struct iovec vector = {(void *)(uintptr_t)bytes, strlen(bytes)};
	struct msghdr message = {
		.msg_iov = &vector,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = CMSG_SPACE(count * sizeof(int)),
	};
	control.header.cmsg_level = SOL_SOCKET;
	control.header.cmsg_type = SCM_RIGHTS;
	control.header.cmsg_len = CMSG_LEN(count * sizeof(int));
	for (size_t i = 0; i < count; i++)
		memcpy(CMSG_DATA(&control.header) + i * sizeof(int), &sockets[0], sizeof(int));
	assert_int_equal(sendmsg(sockets[0], &message, 0), strlen(bytes));
}

static unsigned count_open(void)
{
	unsigned count = 0;
	for (int fd = 0; fd < 1024; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

static void test_one_descriptor(void **state)
{
	char bytes[8];
	int fds[2];
	struct fdpass_message message = {bytes, sizeof(bytes), fds, COUNT(fds), 9, 9};
	(void)state;
	unsigned before = count_open();
	assert_int_equal(fdpass_send(sockets[0], "abc", 3, sockets[0], 0), 3);
	assert_int_equal(fdpass_receive(sockets[1], &message, 0), 3);
	assert_memory_equal(bytes, "abc", 3);
	assert_int_equal(message.fd_count, 1);
	assert_int_equal(message.flags & (MSG_TRUNC | MSG_CTRUNC), 0);
	assert_true(fcntl(fds[0], F_GETFD) & FD_CLOEXEC);
	assert_int_equal(fdpass_keep_first(&message), fds[0]);
	assert_int_equal(message.fd_count, 0);
	assert_int_equal(fdpass_keep_first(&message), -1);
	close(fds[0]);
	assert_int_equal(count_open(), before);
}

static void test_no_descriptor(void **state)
{
	char bytes[8];
	int fd;
	struct fdpass_message message = {bytes, sizeof(bytes), &fd, 1, 9, 9};
	(void)state;
	assert_int_equal(fdpass_receive(sockets[1], &message, MSG_DONTWAIT), -EAGAIN);
	assert_int_equal(message.fd_count, 0);
	assert_int_equal(fdpass_send(sockets[0], "abc", 3, -1, 0), 3);
	assert_int_equal(fdpass_receive(sockets[1], &message, 0), 3);
	assert_int_equal(message.fd_count, 0);
	shutdown(sockets[1], SHUT_RDWR);
	assert_int_equal(fdpass_send(sockets[0], "abc", 3, -1, 0), -EPIPE); /* without a signal */
	assert_int_equal(fdpass_receive(sockets[1], &message, 0), 0);
}

/* Capacity for every number is exact, whatever cmsg(3) pads it to. */
static void test_too_many_descriptors(void **state)
{
	char bytes[8];
	int fds[4];
	(void)state;
	unsigned before = count_open();
	for (size_t max = 0; max <= COUNT(fds); max++) {
		struct fdpass_message message = {bytes, sizeof(bytes), fds, max, 0, 0};
		send_many("abc", (unsigned)max + 1);
		assert_int_equal(fdpass_receive(sockets[1], &message, 0), 3);
		assert_int_equal(message.fd_count, max);
		assert_true(message.flags & MSG_CTRUNC);
		int first = fdpass_keep_first(&message);
		assert_int_equal(first >= 0, max > 0);
		if (first >= 0)
			close(first);
		assert_int_equal(count_open(), before);
	}
}

static void test_a_full_message(void **state)
{
	char bytes[8];
	int fds[FDPASS_MAX];
	struct fdpass_message message = {bytes, sizeof(bytes), fds, FDPASS_MAX, 0, 0};
	(void)state;
	unsigned before = count_open();
	send_many("abc", FDPASS_MAX);
	assert_int_equal(fdpass_receive(sockets[1], &message, 0), 3);
	assert_int_equal(message.fd_count, FDPASS_MAX);
	assert_false(message.flags & MSG_CTRUNC);
	close(fdpass_keep_first(&message));
	assert_int_equal(count_open(), before);
}

/* A peek tells that there are descriptors, and receives none. */
static void test_peek(void **state)
{
	char bytes[8];
	int fd;
	struct fdpass_message peek = {.bytes = bytes, .size = sizeof(bytes)};
	struct fdpass_message message = {bytes, sizeof(bytes), &fd, 1, 0, 0};
	(void)state;
	assert_int_equal(fdpass_send(sockets[0], "abc", 3, -1, 0), 3);
	assert_int_equal(fdpass_receive(sockets[1], &peek, MSG_PEEK), 3);
	assert_false(peek.flags & MSG_CTRUNC);
	assert_int_equal(fdpass_receive(sockets[1], &message, 0), 3);
	assert_int_equal(fdpass_send(sockets[0], "abc", 3, sockets[0], 0), 3);
	assert_int_equal(fdpass_receive(sockets[1], &peek, MSG_PEEK), 3);
	assert_true(peek.flags & MSG_CTRUNC);
	assert_int_equal(fdpass_receive(sockets[1], &message, 0), 3);
	assert_int_equal(message.fd_count, 1);
	close(fd);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_sockets, close_sockets)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_one_descriptor),
		TEST(test_no_descriptor),
		TEST(test_too_many_descriptors),
		TEST(test_a_full_message),
		TEST(test_peek),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
