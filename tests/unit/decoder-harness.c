/*
 * Runs the real decoder for tests.
 */
#include "config.h"

#include "tests/unit/decoder-harness.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client/protocol/fault.h"
#include "client/protocol/fit.h"
#include "daemon/job/channel.h"
#include "tests/unit/unit.h"

enum { PAGE = 4096, PIXELS_MAX = 4 << 20, PATIENCE = 120 };

static _Noreturn void run_decoder(const char *program, int channel)
{
	if (channel == JOB_CHANNEL || dup2(channel, JOB_CHANNEL) >= 0)
		execl(program, "shmimg-decoder", (char *)NULL);
	_exit(127);
}

void decoder_launch(struct decoder *decoder, const char *program)
{
	int pair[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	decoder->pid = fork();
	assert_true(decoder->pid >= 0);
	if (decoder->pid == 0)
		run_decoder(program, pair[1]);
	close(pair[1]);
	decoder->channel = pair[0];
	const struct timeval patience = {.tv_sec = PATIENCE};
	assert_int_equal(
		setsockopt(decoder->channel, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)),
		0);
}

void decoder_start_program(struct decoder *decoder, const char *program)
{
	union job_packet packet;
	decoder_launch(decoder, program);
	decoder_expect(decoder, &packet, JOB_READY, JOB_READY);
	decoder->sandbox = packet.ready.sandbox;
}

void decoder_start(struct decoder *decoder)
{
	decoder_start_program(decoder, DECODER_PROGRAM);
}

int decoder_wait(struct decoder *decoder)
{
	int status;
	assert_int_equal(waitpid(decoder->pid, &status, 0), decoder->pid);
	if (decoder->channel >= 0)
		close(decoder->channel);
	decoder->channel = -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

int decoder_stop(struct decoder *decoder)
{
	close(decoder->channel);
	decoder->channel = -1;
	return decoder_wait(decoder);
}

int file_of(const void *data, size_t size)
{
	int fd = memfd_create("test", MFD_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, size), (ssize_t)size);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

static uint64_t round_up(uint64_t value, uint64_t to)
{
	return (value + to - 1) / to * to;
}

struct job_segment plan_for(const struct job_header *header)
{
	struct job_segment segment = {.kind = JOB_SEGMENT, .pixel_offset = PAGE};
	uint64_t row = (uint64_t)header->width * format_pixel_bytes((enum format)header->format);
	segment.stride = round_up(row, HEADER_ROW_ALIGN);
	uint64_t end = PAGE + segment.stride * header->height;
	for (uint32_t i = 0; i < header->block_count; i++) {
		segment.block_offsets[i] = round_up(end, HEADER_ROW_ALIGN);
		end = segment.block_offsets[i] + header->blocks[i].size;
	}
	segment.size = round_up(end, PAGE);
	return segment;
}

void decoder_expect(
	struct decoder *decoder, union job_packet *packet, uint32_t kind, uint32_t or_kind)
{
	int result = channel_receive_from_decoder(decoder->channel, packet);
	assert_int_equal(result, 1);
	assert_true(packet->kind == kind || packet->kind == or_kind);
	if (packet->kind == JOB_ERROR)
		assert_non_null(memchr(packet->error.message, 0, JOB_MESSAGE_SIZE));
}

void decoder_send(struct decoder *decoder, uint32_t kind, int fd)
{
	union job_packet packet;
	memset(&packet, 0, sizeof(packet));
	packet.kind = kind;
	if (kind == JOB_DECODE)
		packet.decode.format = FORMAT_RGBA8;
	assert_int_equal(channel_send(decoder->channel, &packet, fd), 0);
}

void decoder_send_segment(struct decoder *decoder, const struct job_segment *segment, int fd)
{
	const union job_packet packet = {.segment = *segment};
	assert_int_equal(channel_send(decoder->channel, &packet, fd), 0);
}

int segment_of(uint64_t size)
{
	int fd = memfd_create("segment", MFD_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)size), 0);
	return fd;
}

static void check_header(const struct job_header *header, const struct job_decode *order)
{
	enum format wanted = (enum format)order->format;
	uint32_t width = header->full_width, height = header->full_height;
	assert_true(width <= INT32_MAX && height <= INT32_MAX);
	fit_inside(&width, &height, order->width, order->height);
	assert_int_equal(header->width, width);
	assert_int_equal(header->height, height);
	assert_true(header->width >= 1 && header->height >= 1);
	assert_true(header->width <= INT32_MAX && header->height <= INT32_MAX);
	assert_int_equal(header->format, wanted == FORMAT_NATIVE ? header->native : wanted);
	assert_true(header->orientation >= 1 && header->orientation <= 8);
	assert_true(header->colour <= COLOUR_ICC);
	assert_true(header->block_count <= HEADER_BLOCKS_MAX);
	uint64_t sum = 0;
	for (uint32_t i = 0; i < header->block_count; i++)
		sum += header->blocks[i].size;
	assert_true(sum <= JOB_BLOCK_BYTES_MAX);
	assert_non_null(memchr(header->type, 0, sizeof(header->type)));
}

/* Sends a segment for the header. Returns its descriptor. */
static int give_segment(struct decoder *decoder, struct outcome *outcome)
{
	outcome->segment = plan_for(&outcome->header);
	int fd = segment_of(outcome->segment.size);
	decoder_send_segment(decoder, &outcome->segment, fd);
	return fd;
}

static void receive_pixels(struct decoder *decoder, struct outcome *outcome)
{
	int fd = give_segment(decoder, outcome);
	union job_packet packet;
	decoder_expect(decoder, &packet, JOB_DONE, JOB_ERROR);
	outcome->done = packet.kind == JOB_DONE;
	if (!outcome->done)
		outcome->error = packet.error;
	if (outcome->done)
		outcome->map = mmap(NULL, outcome->segment.size, PROT_READ, MAP_SHARED, fd, 0);
	assert_ptr_not_equal(outcome->map, MAP_FAILED);
	close(fd);
}

void decoder_decode(struct decoder *decoder, const void *data, size_t size, enum format format,
	struct outcome *outcome)
{
	const struct job_decode order = {.format = format};
	decoder_order(decoder, data, size, &order, outcome);
}

void decoder_order(struct decoder *decoder, const void *data, size_t size,
	const struct job_decode *order, struct outcome *outcome)
{
	*outcome = (struct outcome){0};
	int fd = file_of(data, size);
	union job_packet packet = {.decode = *order};
	packet.kind = JOB_DECODE;
	assert_int_equal(channel_send(decoder->channel, &packet, fd), 0);
	close(fd);
	decoder_expect(decoder, &packet, JOB_HEADER, JOB_ERROR);
	if (packet.kind == JOB_ERROR) {
		outcome->error = packet.error;
		return;
	}
	outcome->header = packet.header;
	check_header(&outcome->header, order);
	if ((uint64_t)outcome->header.width * outcome->header.height > PIXELS_MAX) {
		decoder_send(decoder, JOB_REFUSE, -1);
		outcome->error = (struct job_error){JOB_ERROR, FAULT_TOO_LARGE, "refused"};
		return;
	}
	receive_pixels(decoder, outcome);
}

void assert_done(const struct outcome *outcome)
{
	if (!outcome->done)
		fail_msg("%s", outcome->error.message);
}

void assert_refused(const struct outcome *outcome, uint32_t fault)
{
	assert_false(outcome->done);
	assert_string_not_equal(outcome->error.message, "");
	if (outcome->error.fault != fault)
		fail_msg("%s: %s", fault_to_string((enum fault)outcome->error.fault),
			outcome->error.message);
}

void outcome_free(struct outcome *outcome)
{
	if (outcome->map)
		munmap(outcome->map, outcome->segment.size);
	outcome->map = NULL;
}

const uint8_t *pixel_at(const struct outcome *outcome, uint32_t x, uint32_t y)
{
	assert_true(x < outcome->header.width && y < outcome->header.height);
	return outcome->map + outcome->segment.pixel_offset + y * outcome->segment.stride +
	       (size_t)x * format_pixel_bytes((enum format)outcome->header.format);
}

void assert_block(
	const struct outcome *outcome, uint32_t index, uint32_t type, const void *data, size_t size)
{
	assert_true(index < outcome->header.block_count);
	assert_int_equal(outcome->header.blocks[index].type, type);
	assert_int_equal(outcome->header.blocks[index].size, size);
	assert_memory_equal(outcome->map + outcome->segment.block_offsets[index], data, size);
}

uint32_t draw(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 8;
}
