/*
 * A decoder for tests of the daemon: what it is to do is the file's first word. "good" speaks
 * job.h as it must be, each other word breaks one rule of it. Decodes nothing.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client/protocol/fault.h"
#include "client/protocol/format.h"
#include "daemon/decoder/job.h"

static char word[64];

static bool is(const char *other)
{
	return strcmp(word, other) == 0;
}

static ssize_t receive(union job_packet *packet, int *fd)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec data = {packet, sizeof(*packet)};
	struct msghdr message = {
		.msg_iov = &data,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	ssize_t count = recvmsg(JOB_CHANNEL, &message, 0);
	*fd = -1;
	if (count > 0 && CMSG_FIRSTHDR(&message))
		memcpy(fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(int));
	return count;
}

static void send_packet(const void *packet, size_t size)
{
	if (send(JOB_CHANNEL, packet, size, MSG_NOSIGNAL) < 0)
		_exit(1);
}

static void send_signal(enum job_kind kind)
{
	send_packet(&(struct job_signal){kind}, sizeof(struct job_signal));
}

static void send_error(enum fault fault)
{
	struct job_error error = {.kind = JOB_ERROR, .fault = fault};
	memset(error.message, 'm', sizeof(error.message)); /* not even ended */
	send_packet(&error, sizeof(error));
}

/* Until the daemon has gone, or has killed this. */
static void hang(void)
{
	struct pollfd channel = {.fd = JOB_CHANNEL};
	while (poll(&channel, 1, -1) < 0 && errno == EINTR) {
	}
	_exit(0);
}

/* What can go wrong at any moment. Returns whether it did. */
static bool misbehave(const char *when)
{
	size_t length = strlen(when);
	if (strncmp(word, when, length) != 0)
		return false;
	memmove(word, word + length, strlen(word + length) + 1);
	if (is("exit"))
		_exit(3);
	if (is("signal"))
		kill(getpid(), SIGKILL);
	if (is("hang"))
		hang();
	if (is("short"))
		send_packet("abc", 3);
	else if (is("empty"))
		send_packet("", 0);
	else if (is("long"))
		send_packet((char[sizeof(union job_packet) + 1]){JOB_HEADER},
			sizeof(union job_packet) + 1);
	else if (is("segment"))
		send_signal(JOB_SEGMENT);
	else if (is("unknown"))
		send_signal((enum job_kind)99);
	else if (is("done"))
		send_signal(JOB_DONE);
	else if (is("header"))
		send_packet(&(struct job_header){.kind = JOB_HEADER}, sizeof(struct job_header));
	else if (is("busy"))
		send_error(FAULT_BUSY);
	else if (is("fault"))
		send_error((enum fault)99);
	else if (is("none"))
		send_error(FAULT_NONE);
	else if (is("error"))
		send_error(FAULT_NOT_AN_IMAGE);
	return true;
}

static void lie(struct job_header *header)
{
	const struct {
		const char *word;
		uint32_t *field;
		uint32_t value;
	} lies[] = {
		{"width-none", &header->width, 0},
		{"height-none", &header->height, 0},
		{"width-huge", &header->width, UINT32_MAX},
		{"format-none", &header->format, 0},
		{"format-other", &header->format, FORMAT_GRAY8},
		{"format-unknown", &header->format, FORMAT_COUNT},
		{"format-huge", &header->format, UINT32_MAX},
		{"native-none", &header->native, 0},
		{"native-unknown", &header->native, FORMAT_COUNT},
		{"native-other", &header->native, FORMAT_GRAY8},
		{"colour-unknown", &header->colour, COLOUR_ICC + 1},
		{"orientation-none", &header->orientation, 0},
		{"orientation-unknown", &header->orientation, 9},
		{"blocks-many", &header->block_count, HEADER_BLOCKS_MAX + 1},
		{"blocks-huge", &header->block_count, UINT32_MAX},
	};
	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		if (is(lies[i].word))
			*lies[i].field = lies[i].value;
	}
	if (is("all-huge"))
		header->width = header->height = UINT32_MAX;
	if (is("type"))
		memset(header->type, 'x', sizeof(header->type));
	if (strncmp(word, "block-", 6) == 0)
		header->block_count = 2;
	if (is("block-large"))
		header->blocks[1].size = JOB_BLOCK_BYTES_MAX + 1;
	if (is("block-huge"))
		header->blocks[0].size = UINT64_MAX;
	if (is("block-sum")) {
		header->blocks[0].size = JOB_BLOCK_BYTES_MAX;
		header->blocks[1].size = 1;
	}
}

static void fill(int segment, int input, uint64_t size)
{
	off_t length = (off_t)size;
	if (!is("holes") && fallocate(segment, 0, 0, length) < 0)
		_exit(4);
	if ((is("shrink") && ftruncate(segment, length - 4096) < 0) ||
		(is("grow") && ftruncate(segment, length + 4096) < 0) ||
		(is("touch") && ftruncate(input, lseek(input, 0, SEEK_END) + 1) < 0))
		_exit(4);
}

/* Before the first answer of all. */
static void get_ready(void)
{
	static bool ready;
	struct job_ready packet = {JOB_READY, JOB_SANDBOX_SECCOMP | JOB_SANDBOX_LIMITS};
	if (ready || misbehave("first-"))
		return;
	ready = true;
	send_packet(&packet, sizeof(packet));
	if (is("twice"))
		send_packet(&packet, sizeof(packet));
}

static void decode(enum format format, int input)
{
	union job_packet packet;
	int segment;
	struct job_header header = {
		.kind = JOB_HEADER,
		.width = 8,
		.height = 8,
		.format = format == FORMAT_NATIVE ? FORMAT_RGB8 : format,
		.native = FORMAT_RGB8,
		.orientation = 1,
		.type = "FAKE",
	};
	get_ready();
	if (misbehave("early-"))
		return;
	if (is("rgba") && format != FORMAT_RGBA8) {
		send_error(FAULT_DECODER_FAILED);
		return;
	}
	if (is("others-hang") && format != FORMAT_RGBA8)
		hang();
	lie(&header);
	send_packet(&header, sizeof(header));
	if (receive(&packet, &segment) <= 0)
		_exit(0);
	if (packet.kind == JOB_SEGMENT && !misbehave("late-")) {
		fill(segment, input, packet.segment.size);
		send_signal(JOB_DONE);
	}
	if (segment >= 0)
		close(segment);
}

int main(void)
{
	union job_packet packet;
	int fd;
	while (receive(&packet, &fd) > 0) {
		memset(word, 0, sizeof(word));
		if (packet.kind == JOB_FREE) {
			get_ready();
			send_signal(JOB_DONE);
		} else if (packet.kind == JOB_DECODE && pread(fd, word, sizeof(word) - 1, 0) > 0) {
			decode((enum format)packet.decode.format, fd);
		}
		close(fd);
	}
	return 0;
}
