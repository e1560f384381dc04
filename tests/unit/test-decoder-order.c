/*
 * Packets that the daemon never sends, or not in this order: each of them ends the decoder with
 * an error of the protocol.
 */
#include "config.h"

#include <errno.h>
#include <png.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/job/channel.h"
#include "tests/unit/exif-writer.h"
#include "tests/unit/png-writer.h"
#include "tests/unit/unit.h"

enum { ENDED_BY_PROTOCOL = 1 };

static struct decoder decoder;

static struct bytes example;
static struct expectation expected;

static int make_example(void **state)
{
	static const struct png_kind kind = {PNG_COLOR_TYPE_RGB, 8, false, false};
	(void)state;
	struct bytes exif = exif_write(6, false, false);
	const struct png_extras extras = {.exif = &exif};
	example = png_write(&kind, 40, 30, &extras, &expected);
	free(exif.data);
	return 0;
}

static int free_example(void **state)
{
	(void)state;
	expectation_end(&expected);
	free(example.data);
	return 0;
}

/* Sends a file to decode and receives its header. */
static struct job_header send_example(void)
{
	int fd = file_of(example.data, example.size);
	decoder_send(&decoder, JOB_DECODE, fd);
	close(fd);
	union job_packet packet;
	decoder_expect(&decoder, &packet, JOB_HEADER, JOB_HEADER);
	return packet.header;
}

static void assert_ends(int status)
{
	union job_packet packet;
	int result = channel_receive_from_decoder(decoder.channel, &packet);
	assert_true(result == 0 || result == -ECONNRESET);
	assert_int_equal(decoder_wait(&decoder), status);
}

static void out_of_order(void **state)
{
	static const uint32_t kinds[] = {JOB_SEGMENT, JOB_REFUSE, JOB_READY, JOB_HEADER, JOB_DONE,
		JOB_ERROR, JOB_NO_SPARE, JOB_LAST};
	(void)state;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		decoder_start(&decoder);
		int fd = segment_of(4096);
		decoder_send(&decoder, kinds[i], fd);
		close(fd);
		assert_ends(ENDED_BY_PROTOCOL);
	}
}

static void out_of_order_within_a_job(void **state)
{
	static const uint32_t kinds[] = {JOB_DECODE, JOB_FREE, JOB_LAST, JOB_SPARE, JOB_DONE};
	(void)state;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		decoder_start(&decoder);
		send_example();
		int fd = segment_of(4096);
		decoder_send(&decoder, kinds[i], fd);
		close(fd);
		assert_ends(ENDED_BY_PROTOCOL);
	}
}

/* Between JOB_FREE and JOB_LAST no other packet is accepted. */
static void out_of_order_before_the_last(void **state)
{
	static const uint32_t kinds[] = {JOB_DECODE, JOB_FREE, JOB_REFUSE, JOB_SPARE, JOB_DONE};
	(void)state;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		decoder_start(&decoder);
		int fd = segment_of(4096);
		decoder_send(&decoder, JOB_FREE, fd);
		decoder_send(&decoder, kinds[i], fd);
		close(fd);
		assert_ends(ENDED_BY_PROTOCOL);
	}
}

/* The daemon ends between two packets. */
static void ends_before_the_last(void **state)
{
	(void)state;
	decoder_start(&decoder);
	int fd = segment_of(4096);
	decoder_send(&decoder, JOB_FREE, fd);
	close(fd);
	assert_int_equal(decoder_stop(&decoder), 0);
}

/* Sends any bytes with any number of descriptors. */
static void send_raw(const void *data, size_t size, unsigned fds)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(8 * sizeof(int))];
	} control = {0};
	char copy[4096];
	memcpy(copy, data, size);
	struct iovec part = {copy, size};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
	if (fds) {
		message.msg_control = &control;
		message.msg_controllen = CMSG_SPACE(fds * sizeof(int));
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(fds * sizeof(int));
		memset(CMSG_DATA(&control.header), 0, fds * sizeof(int));
	}
	assert_int_equal(sendmsg(decoder.channel, &message, MSG_NOSIGNAL), (ssize_t)size);
}

static void garbage_ends_it(void **state)
{
	enum { DECODE = sizeof(struct job_decode) };
	static const struct {
		uint32_t kind;
		uint32_t format;
		size_t size;
		unsigned fds;
		uint32_t source;
	} packets[] = {
		{JOB_DECODE, FORMAT_RGBA8, DECODE, 0, 0},
		{JOB_DECODE, FORMAT_RGBA8, DECODE, 2, 0},
		{JOB_DECODE, FORMAT_RGBA8, DECODE, 8, 0},
		{JOB_DECODE, FORMAT_RGBA8, DECODE - 1, 1, 0},
		{JOB_DECODE, FORMAT_RGBA8, DECODE + 1, 1, 0},
		{JOB_DECODE, FORMAT_RGBA8, 4096, 1, 0},
		{JOB_DECODE, FORMAT_COUNT, DECODE, 1, 0},
		{JOB_DECODE, 0xffffffff, DECODE, 1, 0},
		{JOB_DECODE, FORMAT_RGBA8, DECODE, 1, 2},
		{JOB_DECODE, FORMAT_RGBA8, DECODE, 1, 0xffffffff},
		{JOB_FREE, 0, 4, 0, 0},
		{JOB_FREE, 0, 4, 2, 0},
		{JOB_FREE, 0, 3, 1, 0},
		{JOB_LAST, 0, 4, 0, 0},
		{JOB_LAST, 0, 4, 1, 0},
		{JOB_LAST, 0, 5, 0, 0},
		{JOB_SPARE, 0, 16, 0, 0},
		{JOB_SPARE, 0, 16, 2, 0},
		{JOB_SPARE, 0, 15, 1, 0},
		{JOB_REFUSE, 0, 4, 1, 0},
		{0, 0, 4, 0, 0},
		{JOB_LAST + 1, 0, 4, 0, 0},
		{0xffffffff, 0, 4, 1, 0},
		{JOB_DONE, 0, 1, 0, 0},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(packets) / sizeof(packets[0]); i++) {
		decoder_start(&decoder);
		uint32_t data[1024] = {packets[i].kind, packets[i].format, 0, 0, packets[i].source};
		send_raw(data, packets[i].size, packets[i].fds);
		assert_ends(ENDED_BY_PROTOCOL);
	}
}

static void lie_of_stride(struct job_segment *segment)
{
	segment->stride = 100;
}

static void lie_of_large_stride(struct job_segment *segment)
{
	segment->stride = UINT64_MAX / 2;
}

static void lie_of_offset(struct job_segment *segment)
{
	segment->pixel_offset = segment->size - 64;
}

static void lie_of_large_offset(struct job_segment *segment)
{
	segment->pixel_offset = UINT64_MAX - 63;
}

static void lie_of_block(struct job_segment *segment)
{
	segment->block_offsets[0] = segment->size - 1;
}

static void lie_of_size(struct job_segment *segment)
{
	segment->size += 4096;
}

static void contradictions_end_it(void **state)
{
	static void (*const lies[])(struct job_segment *) = {lie_of_stride, lie_of_large_stride,
		lie_of_offset, lie_of_large_offset, lie_of_block, lie_of_size};
	(void)state;
	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		decoder_start(&decoder);
		struct job_header header = send_example();
		struct job_segment segment = plan_for(&header);
		int fd = segment_of(segment.size);
		lies[i](&segment);
		decoder_send_segment(&decoder, &segment, fd);
		close(fd);
		assert_ends(ENDED_BY_PROTOCOL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(out_of_order),
		cmocka_unit_test(out_of_order_within_a_job),
		cmocka_unit_test(out_of_order_before_the_last),
		cmocka_unit_test(ends_before_the_last),
		cmocka_unit_test(garbage_ends_it),
		cmocka_unit_test(contradictions_end_it),
	};
	return cmocka_run_group_tests_name("decoder-order", tests, make_example, free_example);
}
