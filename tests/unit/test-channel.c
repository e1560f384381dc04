/*
 * Tests of the channel between the daemon and a decoder: which packets each end sends and accepts,
 * and what becomes of descriptors.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/job/channel.h"
#include "tests/unit/unit.h"

enum { FDS_MAX = 6, PACKET_MAX = sizeof(union job_packet) + 8, KIND_MAX = 1000 };

static const struct {
	uint32_t kind;
	size_t size;
	bool from_daemon;
	bool has_fd;
} kinds[] = {
	{JOB_DECODE, sizeof(struct job_decode), true, true},
	{JOB_SEGMENT, sizeof(struct job_segment), true, true},
	{JOB_REFUSE, sizeof(struct job_signal), true, false},
	{JOB_FREE, sizeof(struct job_signal), true, true},
	{JOB_SPARE, sizeof(struct job_spare), true, true},
	{JOB_LAST, sizeof(struct job_signal), true, false},
	{JOB_READY, sizeof(struct job_ready), false, false},
	{JOB_HEADER, sizeof(struct job_header), false, false},
	{JOB_DONE, sizeof(struct job_signal), false, false},
	{JOB_ERROR, sizeof(struct job_error), false, false},
	{JOB_NO_SPARE, sizeof(struct job_signal), false, false},
};

static int daemon_end, decoder_end;
static int pipe_end[2]; /* the descriptor to send, and one that reports when all copies are gone */

static int begin(void **state)
{
	int ends[2];
	(void)state;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) < 0)
		return -1;
	daemon_end = ends[0];
	decoder_end = ends[1];
	return pipe2(pipe_end, O_CLOEXEC | O_NONBLOCK);
}

static int end(void **state)
{
	(void)state;
	close(daemon_end);
	close(decoder_end);
	close(pipe_end[0]);
	return close(pipe_end[1]);
}

/* Checks that no copy of the sent descriptor is open, here or on its way. */
static void assert_no_copies(void)
{
	char byte;
	close(pipe_end[1]);
	assert_int_equal(read(pipe_end[0], &byte, 1), 0);
	close(pipe_end[0]);
	assert_int_equal(pipe2(pipe_end, O_CLOEXEC | O_NONBLOCK), 0);
}

/* Sends a packet of any kind and size, with any number of descriptors. */
static void send_raw(int channel, uint32_t kind, size_t size, unsigned fds)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(FDS_MAX * sizeof(int))];
	} control = {0};
	char bytes[PACKET_MAX] = {0};
	memcpy(bytes, &kind, sizeof(kind));
	struct iovec part = {bytes, size};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
	if (fds > 0) {
		message.msg_control = &control;
		message.msg_controllen = CMSG_SPACE(fds * sizeof(int));
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(fds * sizeof(int));
		for (unsigned i = 0; i < fds; i++)
			memcpy(CMSG_DATA(&control.header) + i * sizeof(int), &pipe_end[1],
				sizeof(int));
	}
	assert_int_equal(sendmsg(channel, &message, MSG_NOSIGNAL), (ssize_t)size);
}

static int receive_in_decoder(void)
{
	union job_packet packet;
	int fd;
	int r = channel_receive_from_daemon(decoder_end, &packet, &fd);
	if (fd < 0)
		return r;
	assert_int_equal(r, 1);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	close(fd);
	return r;
}

static int receive_in_daemon(void)
{
	union job_packet packet;
	return channel_receive_from_decoder(daemon_end, &packet);
}

/* Each kind passes in its direction alone, with the descriptor that belongs to it. */
static void test_kinds(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(kinds); i++) {
		const union job_packet packet = {.kind = kinds[i].kind};
		union job_packet received;
		int fd;
		assert_int_equal(channel_send(daemon_end, &packet, pipe_end[1]), 0);
		int r = channel_receive_from_daemon(decoder_end, &received, &fd);
		assert_int_equal(r, kinds[i].from_daemon ? 1 : -EPROTO);
		assert_int_equal(fd >= 0, kinds[i].has_fd);
		if (fd >= 0)
			close(fd);
		assert_int_equal(received.kind, kinds[i].kind);

		assert_int_equal(channel_send(decoder_end, &packet, -1), 0);
		r = channel_receive_from_decoder(daemon_end, &received);
		assert_int_equal(r, kinds[i].from_daemon ? -EPROTO : 1);
		assert_int_equal(received.kind, kinds[i].kind);
		assert_no_copies();
	}
}

static void test_sizes(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(kinds); i++) {
		bool from_daemon = kinds[i].from_daemon;
		for (size_t size = 1; size <= PACKET_MAX; size++) {
			int right = size == kinds[i].size ? 1 : -EPROTO;
			send_raw(daemon_end, kinds[i].kind, size, kinds[i].has_fd);
			assert_int_equal(receive_in_decoder(), from_daemon ? right : -EPROTO);
			send_raw(decoder_end, kinds[i].kind, size, 0);
			assert_int_equal(receive_in_daemon(), from_daemon ? -EPROTO : right);
		}
	}
	assert_no_copies();
}

static void test_unknown_kinds(void **state)
{
	static const uint32_t highest[] = {INT32_MAX, (uint32_t)INT32_MAX + 1, UINT32_MAX};
	(void)state;
	for (uint32_t i = 0; i < KIND_MAX + COUNT(highest); i++) {
		uint32_t kind = i < KIND_MAX ? i : highest[i - KIND_MAX];
		const union job_packet packet = {.kind = kind};
		if (kind >= JOB_DECODE && kind <= JOB_LAST)
			continue;
		assert_int_equal(channel_send(daemon_end, &packet, -1), -EINVAL);
		send_raw(daemon_end, kind, sizeof(struct job_signal), 0);
		assert_int_equal(receive_in_decoder(), -EPROTO);
		send_raw(decoder_end, kind, sizeof(struct job_signal), 0);
		assert_int_equal(receive_in_daemon(), -EPROTO);
	}
}

/* A packet with too many or too few descriptors is refused, and all of them are closed. */
static void test_descriptors(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(kinds); i++) {
		for (unsigned fds = 0; fds <= FDS_MAX; fds++) {
			bool from_daemon = kinds[i].from_daemon;
			int right = fds == kinds[i].has_fd ? 1 : -EPROTO;
			send_raw(daemon_end, kinds[i].kind, kinds[i].size, fds);
			assert_int_equal(receive_in_decoder(), from_daemon ? right : -EPROTO);
			send_raw(decoder_end, kinds[i].kind, kinds[i].size, fds);
			assert_int_equal(receive_in_daemon(), from_daemon ? -EPROTO : right);
			assert_no_copies();
		}
	}
}

/* An empty packet cannot be told from the end of the channel, unless a descriptor comes with it. */
static void test_empty_packet(void **state)
{
	(void)state;
	for (unsigned fds = 0; fds <= FDS_MAX; fds++) {
		send_raw(daemon_end, 0, 0, fds);
		assert_int_equal(receive_in_decoder(), fds ? -EPROTO : 0);
		send_raw(decoder_end, 0, 0, fds);
		assert_int_equal(receive_in_daemon(), fds ? -EPROTO : 0);
		assert_no_copies();
	}
}

static void test_empty_and_full_channel(void **state)
{
	const union job_packet packet = {.signal = {JOB_REFUSE}};
	int r;
	(void)state;
	assert_int_equal(receive_in_daemon(), -EAGAIN);
	assert_int_equal(receive_in_decoder(), -EAGAIN);
	while ((r = channel_send(daemon_end, &packet, -1)) == 0)
		;
	assert_int_equal(r, -EAGAIN);
	while ((r = receive_in_decoder()) == 1)
		;
	assert_int_equal(r, -EAGAIN);
	assert_int_equal(channel_send(daemon_end, &packet, -1), 0);
}

static void test_closed_channel(void **state)
{
	const union job_packet packet = {.signal = {JOB_DONE}};
	(void)state;
	assert_int_equal(channel_send(decoder_end, &packet, -1), 0);
	shutdown(decoder_end, SHUT_RDWR);
	assert_int_equal(receive_in_daemon(), 1);
	assert_int_equal(receive_in_daemon(), 0);
	assert_int_equal(receive_in_decoder(), 0);
	assert_int_equal(channel_send(daemon_end, &packet, -1), -EPIPE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_kinds, begin, end),
		cmocka_unit_test_setup_teardown(test_sizes, begin, end),
		cmocka_unit_test_setup_teardown(test_unknown_kinds, begin, end),
		cmocka_unit_test_setup_teardown(test_descriptors, begin, end),
		cmocka_unit_test_setup_teardown(test_empty_packet, begin, end),
		cmocka_unit_test_setup_teardown(test_empty_and_full_channel, begin, end),
		cmocka_unit_test_setup_teardown(test_closed_channel, begin, end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
