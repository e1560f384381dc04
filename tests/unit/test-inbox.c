/*
 * Tests of what a connection receives and sends: lines and descriptors through a socketpair,
 * cut at every byte, too long, too many, and by a socket that takes little at a time.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/inbox.h"
#include "daemon/outbox.h"
#include "tests/unit/unit.h"
#include "tests/unit/world.h"

static int sockets[2]; /* [0]: the daemon's */
static struct inbox inbox;
static struct outbox outbox;
static unsigned descriptors;

static int open_boxes(void **state)
{
	(void)state;
	descriptors = world_descriptors();
	assert_return_code(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets), errno);
	inbox_init(&inbox);
	outbox_init(&outbox);
	return 0;
}

static int close_boxes(void **state)
{
	(void)state;
	inbox_clear(&inbox);
	outbox_clear(&outbox);
	close(sockets[0]);
	if (sockets[1] >= 0)
		close(sockets[1]);
	assert_int_equal(world_descriptors(), descriptors);
	return 0;
}

/* A file that is known again by its size. */
static int make_file(off_t size)
{
	int fd = memfd_create("test", MFD_CLOEXEC);
	assert_return_code(fd, errno);
	assert_return_code(ftruncate(fd, size), errno);
	return fd;
}

static off_t size_of(int fd)
{
	struct stat status;
	return fstat(fd, &status) < 0 ? -1 : status.st_size;
}

/* Sends bytes with descriptors of files of sizes first, first + 1... */
static void send_files(const char *data, size_t size, unsigned count, off_t first)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(64 * sizeof(int))];
	} control = {0};
	int fds[64];
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

/* Takes the lines that are complete, with '|' after each. */
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

static void take(off_t size)
{
	int fd = inbox_take_fd(&inbox);
	assert_int_equal(size_of(fd), size);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	close(fd);
}

static void test_descriptors_are_claimed_in_order(void **state)
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
	assert_int_equal(inbox_take_fd(&inbox), -1);
	collect(text);
	assert_string_equal(text, "c|");
}

static void test_unclaimed_descriptors_are_closed(void **state)
{
	(void)state;
	unsigned before = world_descriptors();
	send_files("a\n", 2, 3, 1);
	send_files("b", 1, 1, 9);
	while (inbox_receive(&inbox, sockets[0]) > 0) {
	}
	assert_int_equal(world_descriptors(), before + 4);
	take(1);
	inbox_consume(&inbox, 2); /* 2 and 3 came with a; 9 is for b */
	assert_int_equal(world_descriptors(), before + 1);
	send_files("\n", 1, 0, 0);
	assert_int_equal(inbox_receive(&inbox, sockets[0]), 1);
	take(9);
	inbox_consume(&inbox, 2);
	assert_int_equal(world_descriptors(), before);
}

/* A descriptor in front of its line's end, whatever piece of the line it came with. */
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
		assert_int_equal(inbox_take_fd(&inbox), -1);
	}
}

static void test_too_many_descriptors(void **state)
{
	(void)state;
	unsigned before = world_descriptors();
	send_files("a", 1, INBOX_FDS_MAX, 1);
	assert_int_equal(inbox_receive(&inbox, sockets[0]), 1);
	assert_int_equal(world_descriptors(), before + INBOX_FDS_MAX);
	send_files("b", 1, 1, 1);
	assert_int_equal(inbox_receive(&inbox, sockets[0]), -EPROTO);
	assert_int_equal(world_descriptors(), before + INBOX_FDS_MAX);
	inbox_clear(&inbox);
	assert_int_equal(world_descriptors(), before);
}

static void test_truncated_descriptors(void **state)
{
	(void)state;
	unsigned before = world_descriptors();
	send_files("a\n", 2, INBOX_FDS_MAX + 2, 1); /* more than there is room to receive */
	assert_int_equal(inbox_receive(&inbox, sockets[0]), -EPROTO);
	inbox_clear(&inbox);
	assert_int_equal(world_descriptors(), before);
}

/* Adds a reply of so many bytes, all the same but the last, with a file of this size. */
static void add_reply(char byte, size_t length, off_t size)
{
	size_t room;
	assert_true(outbox_has_room(&outbox));
	char *space = outbox_space(&outbox, &room);
	assert_true(room >= WIRE_LINE_MAX);
	memset(space, byte, length - 1);
	space[length - 1] = '\n';
	outbox_add(&outbox, length, size ? make_file(size) : -1);
}

/* Receives bytes. Returns the size of the file that came with them, or 0. */
static off_t receive_bytes(char *bytes, size_t *count)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(4 * sizeof(int))];
	} control;
	struct iovec data = {bytes, *count};
	struct msghdr message = {
		.msg_iov = &data,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	off_t size = 0;
	int fd;
	ssize_t received = recvmsg(sockets[1], &message, MSG_DONTWAIT);
	*count = received > 0 ? (size_t)received : 0;
	if (received > 0 && CMSG_FIRSTHDR(&message)) {
		assert_int_equal(CMSG_FIRSTHDR(&message)->cmsg_len, CMSG_LEN(sizeof(int)));
		memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(int));
		size = size_of(fd);
		close(fd);
	}
	return size;
}

static void test_replies_with_descriptors(void **state)
{
	static const char sent[] = "aaa\nbb\ncc\nd\ne\n";
	static const struct {
		char byte;
		size_t length;
		off_t size;
	} replies[] = {{'a', 4, 1}, {'b', 3, 0}, {'c', 3, 3}, {'d', 2, 4}, {'e', 2, 0}};
	(void)state;
	for (size_t i = 0; i < COUNT(replies); i++)
		add_reply(replies[i].byte, replies[i].length, replies[i].size);
	assert_false(outbox_is_empty(&outbox));
	assert_int_equal(outbox_send(&outbox, sockets[0]), 0);
	assert_true(outbox_is_empty(&outbox));
	size_t reply = 0, place = 0;
	for (size_t i = 0; i < sizeof(sent) - 1; i++) {
		char byte;
		size_t one = 1;
		off_t size = receive_bytes(&byte, &one);
		assert_int_equal(one, 1);
		assert_int_equal(byte, sent[i]);
		assert_int_equal(size, place == 0 ? replies[reply].size : 0);
		if (++place == replies[reply].length) {
			place = 0;
			reply++;
		}
	}
}

static void test_small_socket(void **state)
{
	enum { REPLIES = 60 };
	static char bytes[1024];
	unsigned added = 0, lines = 0, files = 0, refused = 0;
	(void)state;
	assert_return_code(
		setsockopt(sockets[0], SOL_SOCKET, SO_SNDBUF, &(int){1}, sizeof(int)), errno);
	while (lines < REPLIES) {
		while (added < REPLIES && outbox_has_room(&outbox)) {
			size_t length = added % 3 ? WIRE_LINE_MAX : 10;
			add_reply((char)('A' + added), length, added % 2 ? 1 + added : 0);
			added++;
		}
		int r = outbox_send(&outbox, sockets[0]);
		assert_true(r == 0 || r == -EAGAIN);
		refused += r == -EAGAIN;
		size_t count = sizeof(bytes);
		off_t size = receive_bytes(bytes, &count);
		/* Descriptors come in their replies' order, and not before their reply. */
		if (size) {
			assert_int_equal(size, 2 + 2 * files);
			assert_true(memchr(bytes, 'A' + 1 + 2 * (int)files, count) != NULL);
			files++;
		}
		for (size_t i = 0; i < count; i++) {
			if (bytes[i] == '\n')
				lines++;
			else
				assert_int_equal(bytes[i], (char)('A' + lines));
		}
	}
	assert_int_equal(files, REPLIES / 2);
	assert_true(refused > 10);
	assert_int_equal(outbox_send(&outbox, sockets[0]), 0);
	assert_true(outbox_is_empty(&outbox));
}

static void test_room(void **state)
{
	(void)state;
	for (int i = 0; i < OUTBOX_SIZE / WIRE_LINE_MAX; i++)
		add_reply('x', WIRE_LINE_MAX, 0);
	assert_false(outbox_has_room(&outbox));
	outbox_clear(&outbox);
	assert_true(outbox_is_empty(&outbox));
	for (int i = 0; i < OUTBOX_FDS_MAX; i++)
		add_reply('x', 2, 1 + i);
	assert_false(outbox_has_room(&outbox));
}

static void test_nobody_reads(void **state)
{
	(void)state;
	close(sockets[1]);
	sockets[1] = -1;
	add_reply('x', 10, 1);
	assert_int_equal(outbox_send(&outbox, sockets[0]), -EPIPE);
	assert_false(outbox_is_empty(&outbox));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_boxes, close_boxes)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_lines_cut_anywhere),
		TEST(test_lengths),
		TEST(test_end_of_input),
		TEST(test_descriptors_are_claimed_in_order),
		TEST(test_unclaimed_descriptors_are_closed),
		TEST(test_descriptor_with_any_piece),
		TEST(test_too_many_descriptors),
		TEST(test_truncated_descriptors),
		TEST(test_replies_with_descriptors),
		TEST(test_small_socket),
		TEST(test_room),
		TEST(test_nobody_reads),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
