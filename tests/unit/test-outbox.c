/*
 * Tests of what a connection sends: replies and descriptors through a socketpair, more than the
 * outbox holds, and through a socket with a small buffer.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/socket/outbox.h"
#include "tests/unit/sized-file.h"
#include "tests/unit/unit.h"
#include "tests/unit/world.h"

static int sockets[2]; /* [0]: the daemon's */
static struct outbox outbox;
static unsigned descriptors;

static int open_outbox(void **state)
{
	(void)state;
	descriptors = world_descriptors();
	assert_return_code(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets), errno);
	outbox_init(&outbox);
	return 0;
}

static int close_outbox(void **state)
{
	(void)state;
	outbox_clear(&outbox);
	close(sockets[0]);
	if (sockets[1] >= 0)
		close(sockets[1]);
	assert_int_equal(world_descriptors(), descriptors);
	return 0;
}

/* Adds a reply: its length, equal bytes up to the last one, and a file of a size. */
static void add_reply(char byte, size_t length, off_t size)
{
	size_t free_size;
	assert_true(outbox_has_space(&outbox));
	char *space = outbox_space(&outbox, &free_size);
	assert_true(free_size >= WIRE_LINE_MAX);
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
	size_t reply = 0, offset = 0;
	for (size_t i = 0; i < sizeof(sent) - 1; i++) {
		char byte;
		size_t one = 1;
		off_t size = receive_bytes(&byte, &one);
		assert_int_equal(one, 1);
		assert_int_equal(byte, sent[i]);
		assert_int_equal(size, offset == 0 ? replies[reply].size : 0);
		if (++offset == replies[reply].length) {
			offset = 0;
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
		while (added < REPLIES && outbox_has_space(&outbox)) {
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

static void test_space(void **state)
{
	(void)state;
	for (int i = 0; i < OUTBOX_SIZE / WIRE_LINE_MAX; i++)
		add_reply('x', WIRE_LINE_MAX, 0);
	assert_false(outbox_has_space(&outbox));
	outbox_clear(&outbox);
	assert_true(outbox_is_empty(&outbox));
	for (int i = 0; i < OUTBOX_FDS_MAX; i++)
		add_reply('x', 2, 1 + i);
	assert_false(outbox_has_space(&outbox));
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

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_outbox, close_outbox)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_replies_with_descriptors),
		TEST(test_small_socket),
		TEST(test_space),
		TEST(test_nobody_reads),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
