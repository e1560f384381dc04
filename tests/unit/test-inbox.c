/*
 * Tests of what a connection receives: lines and descriptors through a socketpair, cut at every
 * byte, too long and too many.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client/protocol/fdpass.h"
#include "daemon/base/fd-budget.h"
#include "daemon/socket/inbox.h"
#include "tests/unit/sized-file.h"
#include "tests/unit/unit.h"
#include "tests/unit/world.h"

enum { MESSAGE_FDS = FDPASS_MAX };

static int sockets[2]; /* [0]: the daemon's */
static struct close_queues close_queues;
static struct inbox inbox;
static unsigned descriptors;

static int open_inbox(void **state)
{
	(void)state;
	descriptors = world_descriptors();
	assert_return_code(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets), errno);
	sd_event *event;
	assert_return_code(sd_event_new(&event), errno);
	assert_return_code(close_queues_init(&close_queues, event), errno);
	struct close_queue *close_queue = close_queue_join(&close_queues, 4711);
	inbox_init(&inbox, close_queue);
	close_queue_leave(close_queue);
	return 0;
}

static int close_inbox(void **state)
{
	(void)state;
	if (inbox.close_queue)
		inbox_clear(&inbox);
	close_queues_stop(&close_queues);
	sd_event_unref(close_queues.event);
	close(sockets[0]);
	if (sockets[1] >= 0)
		close(sockets[1]);
	assert_int_equal(world_descriptors(), descriptors);
	return 0;
}

/* Counts open descriptors, after the close queue is empty. */
static unsigned count_open(void)
{
	assert_true(close_queues_finish(&close_queues, 20000000));
	return world_descriptors();
}

/* Sends bytes with descriptors of files of sizes first, first + 1... */
static void send_files(const char *data, size_t size, unsigned count, off_t first)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(MESSAGE_FDS * sizeof(int))];
	} control = {0};
	int fds[MESSAGE_FDS];
	struct iovec bytes = {(void *)(uintptr_t)data, size};
	struct msghdr message = {.msg_iov = &bytes, .msg_iovlen = 1};
	for (unsigned i = 0; i < count; i++)
		fds[i] = make_file(first + i);
	if (count > 0) {
		message.msg_control = &control;
		message.msg_controllen = CMSG_SPACE(count * sizeof(int));
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(count * sizeof(int));
		memcpy(CMSG_DATA(&control.header), fds, count * sizeof(int));
	}
	assert_int_equal(sendmsg(sockets[1], &message, MSG_DONTWAIT), size);
	for (unsigned i = 0; i < count; i++)
		close(fds[i]);
}

/* Consumes the complete lines, and writes '|' after each. */
static void collect(char *text)
{
	size_t length;
	const char *line;
	while ((line = inbox_line(&inbox, &length))) {
		strncat(text, line, length);
		strcat(text, "|");
		inbox_consume(&inbox, length + 1);
	}
}

static void test_lines_cut_anywhere(void **state)
{
	static const char sent[] = "LOAD name=a\n\nHELLO protocol=1\nx\n";
	size_t size = sizeof(sent) - 1;
	(void)state;
	for (size_t first = 0; first <= size; first++) {
		for (size_t second = first; second <= size; second++) {
			char text[64] = "";
			const size_t ends[] = {first, second, size};
			size_t start = 0;
			for (size_t i = 0; i < COUNT(ends); i++) {
				size_t length = ends[i] - start;
				ssize_t received = length > 0 ? (ssize_t)length : -EAGAIN;
				if (length > 0)
					send_files(sent + start, length, 0, 0);
				assert_int_equal(inbox_receive(&inbox, sockets[0]), received);
				collect(text);
				start = ends[i];
			}
			assert_string_equal(text, "LOAD name=a||HELLO protocol=1|x|");
			assert_false(inbox_is_full(&inbox));
		}
	}
}

static void test_lengths(void **state)
{
	static char data[2 * WIRE_LINE_MAX];
	size_t length;
	(void)state;
	memset(data, 'x', sizeof(data));
	data[WIRE_LINE_MAX - 1] = '\n'; /* a line that is as long as it may be */
	send_files(data, sizeof(data), 0, 0);
	assert_int_equal(inbox_receive(&inbox, sockets[0]), WIRE_LINE_MAX);
	assert_non_null(inbox_line(&inbox, &length));
	assert_int_equal(length, WIRE_LINE_MAX - 1);
	inbox_consume(&inbox, length + 1);
	assert_null(inbox_line(&inbox, &length));
	assert_false(inbox_is_full(&inbox));
	assert_int_equal(inbox_receive(&inbox, sockets[0]), WIRE_LINE_MAX);
	assert_null(inbox_line(&inbox, &length)); /* and one that is longer */
	assert_true(inbox_is_full(&inbox));
}

static void test_end_of_input(void **state)
{
	size_t length;
	(void)state;
	assert_int_equal(inbox_receive(&inbox, sockets[0]), -EAGAIN);
	send_files("half", 4, 0, 0);
	close(sockets[1]);
	sockets[1] = -1;
	assert_int_equal(inbox_receive(&inbox, sockets[0]), 4);
	assert_null(inbox_line(&inbox, &length));
	assert_int_equal(inbox_receive(&inbox, sockets[0]), 0);
	assert_int_equal(inbox_receive(&inbox, -1), -EBADF);
}

/* The first descriptor of the next line, or -1. */
static int take_fd_of_line(void)
{
	size_t length = 0;
	return inbox_take_fd(&inbox, inbox_line(&inbox, &length) ? length + 1 : 0);
}

static void take(off_t size)
{
	int fd = take_fd_of_line();
	assert_int_equal(size_of(fd), size);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	close(fd);
}

static void test_descriptors_are_taken_in_order(void **state)
{
	char text[64] = "";
	(void)state;
	send_files("a\n", 2, 1, 1);
	send_files("b\n", 2, 2, 2);
	send_files("c\n", 2, 1, 4);
	while (inbox_receive(&inbox, sockets[0]) > 0) {
	}
	take(1);
	inbox_consume(&inbox, 2);
	take(2);
	take(3);
	inbox_consume(&inbox, 2);
	take(4);
	assert_int_equal(take_fd_of_line(), -1);
	collect(text);
	assert_string_equal(text, "c|");
}

static void test_descriptors_not_taken_are_closed(void **state)
{
	(void)state;
	unsigned before = count_open();
	send_files("a\n", 2, 3, 1);
	send_files("b", 1, 1, 9);
	while (inbox_receive(&inbox, sockets[0]) > 0) {
	}
	assert_int_equal(count_open(), before + 4);
	take(1);
	inbox_consume(&inbox, 2); /* 2 and 3 came with a; 9 is for b */
	assert_int_equal(count_open(), before + 1);
	send_files("\n", 1, 0, 0);
	assert_int_equal(inbox_receive(&inbox, sockets[0]), 1);
	take(9);
	inbox_consume(&inbox, 2);
	assert_int_equal(count_open(), before);
}

/* A descriptor can come with any part of its line. */
static void test_descriptor_with_any_piece(void **state)
{
	(void)state;
	for (size_t piece = 0; piece < 4; piece++) {
		send_files("z\n", 2, 0, 0);
		for (size_t i = 0; i < 4; i++)
			send_files(&"abc\n"[i], 1, i == piece, 7);
		while (inbox_receive(&inbox, sockets[0]) > 0) {
		}
		inbox_consume(&inbox, 2);
		take(7);
		inbox_consume(&inbox, 4);
		assert_int_equal(take_fd_of_line(), -1);
	}
}

/* Lines of earlier messages never take it, not even when they are received together. */
static void test_descriptor_of_a_later_message(void **state)
{
	static const char before[] = "first\nsecond\nthi", with[] = "rd\nfourth\n";
	char text[64] = "";
	(void)state;
	for (unsigned pieces = 1; pieces < 3; pieces++) {
		send_files(before, pieces * 6, 0, 0);
		send_files(before + pieces * 6, strlen(before) - pieces * 6, 0, 0);
		send_files(with, strlen(with), 1, 7);
		while (inbox_receive(&inbox, sockets[0]) > 0) {
		}
		for (unsigned i = 0; i < 3; i++) {
			size_t length;
			assert_int_equal(take_fd_of_line(), -1);
			assert_non_null(inbox_line(&inbox, &length));
			inbox_consume(&inbox, length + 1);
		}
		take(7);
		text[0] = '\0';
		collect(text);
		assert_string_equal(text, "fourth|");
	}
}

/* A message that begins within a line and ends within the next: its bytes come in two parts. */
static void test_descriptor_without_bytes(void **state)
{
	(void)state;
	unsigned before = count_open();
	send_files("a", 1, 0, 0);
	send_files("b\nc", 3, 1, 1);
	size_t length = 0;
	while (!inbox_line(&inbox, &length))
		assert_true(inbox_receive(&inbox, sockets[0]) > 0);
	inbox_consume(&inbox, length + 1);
	inbox_release_buffer(&inbox);
	assert_int_equal(count_open(), before + inbox.fd_count);
	inbox_clear(&inbox);
	assert_int_equal(count_open(), before);
}

static void test_too_many_descriptors(void **state)
{
	(void)state;
	unsigned before = count_open();
	send_files("a", 1, INBOX_FDS_MAX, 1);
	assert_int_equal(inbox_receive(&inbox, sockets[0]), 1);
	assert_int_equal(count_open(), before + INBOX_FDS_MAX);
	send_files("b", 1, 1, 1);
	assert_int_equal(inbox_receive(&inbox, sockets[0]), -EPROTO);
	assert_int_equal(count_open(), before + INBOX_FDS_MAX);
	inbox_clear(&inbox);
	assert_int_equal(count_open(), before);
}

/* The kernel closes none: the close queue closes those above the maximum. */
static void test_a_message_full_of_descriptors(void **state)
{
	(void)state;
	unsigned before = count_open();
	send_files("a\n", 2, MESSAGE_FDS, 1);
	uint64_t queued = close_queues.queued;
	assert_int_equal(inbox_receive(&inbox, sockets[0]), -EPROTO);
	assert_int_equal(close_queues.queued - queued, MESSAGE_FDS - INBOX_FDS_MAX);
	inbox_clear(&inbox);
	assert_int_equal(close_queues.queued - queued, MESSAGE_FDS);
	assert_int_equal(count_open(), before);
}

/* Limits how many more descriptors can be opened. Returns the old limit. */
static struct rlimit limit_free_fds(unsigned count)
{
	struct rlimit before, limit;
	assert_return_code(getrlimit(RLIMIT_NOFILE, &before), errno);
	limit = before;
	limit.rlim_cur = count_open() + count;
	assert_return_code(setrlimit(RLIMIT_NOFILE, &limit), errno);
	fd_budget_take(UINT_MAX); /* what is known is forgotten */
	return before;
}

/* A line is received with its descriptor, or not at all. */
static void test_no_free_descriptors(void **state)
{
	char text[16] = "";
	(void)state;
	struct rlimit before = limit_free_fds(FDPASS_MAX);
	send_files("ab\ncd\n", 6, 0, 0);
	assert_int_equal(inbox_receive(&inbox, sockets[0]), 6);
	collect(text);
	assert_string_equal(text, "ab|cd|");
	assert_true(fd_budget_is_scarce());
	unsigned open = count_open();
	send_files("ef\n", 3, 1, 7);
	assert_int_equal(inbox_receive(&inbox, sockets[0]), -EMFILE);
	assert_true(inbox_is_empty(&inbox));
	assert_int_equal(take_fd_of_line(), -1);
	assert_int_equal(count_open(), open);
	assert_return_code(setrlimit(RLIMIT_NOFILE, &before), errno);
	while (fd_budget_is_scarce()) {
	}
	assert_int_equal(inbox_receive(&inbox, sockets[0]), 3);
	take(7);
}

static void test_no_free_descriptors_and_no_input(void **state)
{
	(void)state;
	struct rlimit before = limit_free_fds(0);
	assert_int_equal(inbox_receive(&inbox, sockets[0]), -EAGAIN);
	close(sockets[1]);
	sockets[1] = -1;
	assert_int_equal(inbox_receive(&inbox, sockets[0]), 0);
	assert_return_code(setrlimit(RLIMIT_NOFILE, &before), errno);
	while (fd_budget_is_scarce()) {
	}
}

/* Each received descriptor counts, and free ones are counted again before too few are left. */
static void test_free_descriptors_are_counted(void **state)
{
	(void)state;
	struct rlimit before = limit_free_fds(4 * FDPASS_MAX);
	while (fd_budget_is_scarce()) {
	}
	fd_budget_take(FDPASS_MAX);
	assert_false(fd_budget_is_scarce());
	int fds[3 * FDPASS_MAX];
	for (unsigned i = 0; i < COUNT(fds); i++) {
		fds[i] = dup(sockets[0]);
		fd_budget_take(1);
	}
	assert_true(fd_budget_is_scarce());
	for (unsigned i = 0; i < COUNT(fds); i++)
		close(fds[i]);
	while (fd_budget_is_scarce()) {
	}
	assert_return_code(setrlimit(RLIMIT_NOFILE, &before), errno);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_inbox, close_inbox)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_lines_cut_anywhere),
		TEST(test_lengths),
		TEST(test_end_of_input),
		TEST(test_descriptors_are_taken_in_order),
		TEST(test_descriptors_not_taken_are_closed),
		TEST(test_descriptor_with_any_piece),
		TEST(test_descriptor_of_a_later_message),
		TEST(test_descriptor_without_bytes),
		TEST(test_too_many_descriptors),
		TEST(test_a_message_full_of_descriptors),
		TEST(test_no_free_descriptors),
		TEST(test_no_free_descriptors_and_no_input),
		TEST(test_free_descriptors_are_counted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
