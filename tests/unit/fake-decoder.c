/*
 * A decoder for tests of the daemon: the first word of a file says what it does. "good" follows
 * job.h, each other word breaks one rule of it. A size before the word, as in "large-holes", makes
 * a larger image. It decodes nothing, and fills no spare.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client/protocol/fault.h"
#include "client/protocol/fdpass.h"
#include "client/protocol/fit.h"
#include "client/protocol/format.h"
#include "daemon/base/cleanup.h"
#include "daemon/job/job.h"

static char word[64];
static uint32_t width, height; /* of the image */

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

/* Descriptor -1: sends none. */
static void send_error(enum fault fault, int fd)
{
	struct job_error error = {.kind = JOB_ERROR, .fault = fault};
	memset(error.message, 'm', sizeof(error.message)); /* without NUL */
	if (fdpass_send(JOB_CHANNEL, &error, sizeof(error), fd, 0) < 0)
		_exit(1);
}

/* A message that would be several lines, colour a terminal, and is no UTF-8. */
static void send_error_with_noise(void)
{
	struct job_error error = {.kind = JOB_ERROR,
		.fault = FAULT_NOT_AN_IMAGE,
		.message = "a\nshmimgd: b\033[31m\r\t\177\x80\xff%0A"};
	send_packet(&error, sizeof(error));
}

/* Waits until the daemon ends, or kills this process. */
static void hang(void)
{
	struct pollfd channel = {.fd = JOB_CHANNEL};
	while (poll(&channel, 1, -1) < 0 && errno == EINTR) {
	}
	_exit(0);
}

/* All kinds of packets, and some that do not exist, by a word. */
static const struct {
	const char *word;
	uint32_t kind;
	size_t size;
} packets[] = {
	{"zero", 0, sizeof(struct job_signal)},
	{"decode", JOB_DECODE, sizeof(struct job_decode)},
	{"segment", JOB_SEGMENT, sizeof(struct job_segment)},
	{"refuse", JOB_REFUSE, sizeof(struct job_signal)},
	{"free", JOB_FREE, sizeof(struct job_signal)},
	{"spare", JOB_SPARE, sizeof(struct job_spare)},
	{"ready", JOB_READY, sizeof(struct job_ready)},
	{"header", JOB_HEADER, sizeof(struct job_header)},
	{"done", JOB_DONE, sizeof(struct job_signal)},
	{"failure", JOB_ERROR, sizeof(struct job_error)},
	{"no-spare", JOB_NO_SPARE, sizeof(struct job_signal)},
	{"last", JOB_LAST, sizeof(struct job_signal)},
	{"next", JOB_LAST + 1, sizeof(struct job_signal)},
	{"unknown", 99, sizeof(struct job_signal)},
	{"highest", UINT32_MAX, sizeof(struct job_signal)},
	{"short", JOB_DONE, 2},
	{"empty", 0, 0},
	{"long", JOB_HEADER, sizeof(union job_packet) + 1},
};

/* Sends a packet by its word; with "cut-" or "padded-" before it, a byte shorter or longer. */
static void send_by_word(void)
{
	char bytes[sizeof(union job_packet) + 2] = {0};
	const char *kind = word;
	long off = strncmp(word, "cut-", 4) == 0 ? -1 : strncmp(word, "padded-", 7) == 0;
	if (off)
		kind = strchr(word, '-') + 1;
	for (size_t i = 0; i < sizeof(packets) / sizeof(packets[0]); i++) {
		if (strcmp(kind, packets[i].word) != 0)
			continue;
		struct job_error error = {.kind = packets[i].kind, .fault = FAULT_NOT_AN_IMAGE};
		memcpy(bytes, &error, sizeof(error.kind) + sizeof(error.fault));
		send_packet(bytes, (size_t)((long)packets[i].size + off));
	}
}

/* Sends packets until the daemon receives no more. The first, or all, may be due. */
static void flood(enum job_kind kind)
{
	const struct job_signal packet = {kind};
	struct pollfd channel = {.fd = JOB_CHANNEL, .events = POLLOUT};
	while (poll(&channel, 1, -1) > 0) {
		if (send(JOB_CHANNEL, &packet, sizeof(packet), MSG_NOSIGNAL | MSG_DONTWAIT) < 0 &&
			errno != EAGAIN)
			_exit(1);
	}
}

/* Sends one message that is as large as the socket allows. */
static void send_huge(void)
{
	static char huge[128 << 10];
	send_packet(huge, sizeof(huge));
}

/* Does what can go wrong at any moment, if the word begins with when. Returns whether it did. */
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
	if (is("unread")) {
		struct pollfd channel = {.fd = JOB_CHANNEL, .events = POLLIN};
		poll(&channel, 1, -1);
		kill(getpid(), SIGKILL);
	}
	if (is("hang"))
		hang();
	if (is("flood") || is("flood-no-spare"))
		flood(is("flood") ? JOB_DONE : JOB_NO_SPARE);
	if (is("huge"))
		send_huge();
	if (strncmp(word, "fault-", 6) == 0)
		send_error((enum fault)atoi(word + 6), -1);
	else if (is("noise"))
		send_error_with_noise();
	else if (is("error"))
		send_error(FAULT_NOT_AN_IMAGE, -1);
	else if (is("descriptor"))
		send_error(FAULT_NOT_AN_IMAGE, JOB_CHANNEL);
	else
		send_by_word();
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
		{"width-other", &header->width, 7},
		{"height-more", &header->height, 9},
		{"full-width-none", &header->full_width, 0},
		{"full-height-none", &header->full_height, 0},
		{"full-width-less", &header->full_width, 7},
		{"full-height-huge", &header->full_height, UINT32_MAX},
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
	if (is("width-huge") || is("all-huge"))
		header->width = header->full_width = UINT32_MAX;
	if (is("all-huge"))
		header->height = header->full_height = UINT32_MAX;
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
	const off_t much = 128 << 20;
	off_t length = (off_t)size;
	signal(SIGXFSZ, SIG_IGN); /* the calls fail with EFBIG */
	if (!is("holes") && fallocate(segment, 0, 0, length) < 0)
		_exit(4);
	if ((is("shrink") && ftruncate(segment, length - 4096) < 0) ||
		(is("grow") && ftruncate(segment, length + much) < 0) ||
		(is("grow-reserve") && fallocate(segment, 0, length, much) < 0) ||
		(is("grow-write") && pwrite(segment, "a", 1, length + much) < 0) ||
		(is("touch") && ftruncate(input, lseek(input, 0, SEEK_END) + 1) < 0))
		_exit(4);
}

/* The end of a mapping that is kept, and written to for as long as this process lives. */
static volatile char *kept;

/* Closes the segment. "keep-" and a word: keeps access to it, in this way. */
static void let_go(int segment, uint64_t size)
{
	int pair[2];
	if (is("keep-mapping") || is("keep-reading")) {
		int access = is("keep-mapping") ? PROT_READ | PROT_WRITE : PROT_READ;
		void *map = mmap(NULL, size, access, MAP_SHARED, segment, 0);
		if (map == MAP_FAILED)
			_exit(4);
		if (is("keep-mapping"))
			kept = (volatile char *)map + size - 1;
	}
	/* In a message that nobody has received. */
	if (is("keep-message") && (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) < 0 ||
					  fdpass_send(pair[0], "x", 1, segment, 0) < 0))
		_exit(4);
	if (!is("keep-descriptor") && !is("keep-error"))
		close(segment);
	if (is("keep-error"))
		send_error(FAULT_NOT_AN_IMAGE, -1);
}

/* Sends JOB_READY before the first answer. */
static void get_ready(void)
{
	static bool ready;
	struct job_ready packet = {JOB_READY, JOB_SANDBOX_SECCOMP | JOB_SANDBOX_LIMITS};
	if (ready)
		return;
	ready = true;
	if (misbehave("first-"))
		return;
	send_packet(&packet, sizeof(packet));
	if (is("twice"))
		send_packet(&packet, sizeof(packet));
}

static void decode(enum format format, struct box box, int input)
{
	union job_packet packet;
	int segment;
	struct job_header header = {
		.kind = JOB_HEADER,
		.width = width,
		.height = height,
		.full_width = width,
		.full_height = height,
		.format = format == FORMAT_NATIVE ? FORMAT_RGB8 : format,
		.native = FORMAT_RGB8,
		.orientation = 1,
		.type = "FAKE",
	};
	get_ready();
	if (misbehave("early-"))
		return;
	if (is("rgba") && format != FORMAT_RGBA8) {
		send_error(FAULT_DECODER_FAILED, -1);
		return;
	}
	if (is("others-hang") && format != FORMAT_RGBA8)
		hang();
	if (is("tall"))
		header.height = header.full_height = 16;
	fit_inside(&header.width, &header.height, box.width, box.height);
	if (is("brittle"))
		memcpy(header.type, "BRITTLE", sizeof(header.type));
	lie(&header);
	send_packet(&header, sizeof(header));
	misbehave("sent-");
	if (receive(&packet, &segment) <= 0)
		_exit(0);
	if (packet.kind == JOB_SEGMENT && strncmp(word, "late-", 5) == 0) {
		close(segment);
		misbehave("late-");
	} else if (packet.kind == JOB_SEGMENT) {
		fill(segment, input, packet.segment.size);
		let_go(segment, packet.segment.size);
		send_signal(JOB_DONE);
		while (kept)
			(*kept)++;
		misbehave("after-");
	}
}

/* Takes the size of the image from the word. */
static void take_size(void)
{
	static const struct {
		const char *word;
		uint32_t width, height;
	} sizes[] = {
		{"least-", 1024, 300},
		{"smaller-", 1024, 590},
		{"large-", 1024, 600},
		{"larger-", 1024, 640},
	};
	width = height = 8;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		size_t length = strlen(sizes[i].word);
		if (strncmp(word, sizes[i].word, length) != 0)
			continue;
		memmove(word, word + length, strlen(word + length) + 1);
		width = sizes[i].width;
		height = sizes[i].height;
	}
}

/* Decodes a segment, which has the size of the whole picture. A "brittle" one cannot be read. */
static void derive(enum format format, struct box box, int origin)
{
	struct header header;
	if (pread(origin, &header, sizeof(header), 0) != sizeof(header))
		_exit(4);
	width = height = 8;
	strcpy(word, header.full_height == 16 ? "tall" : "good");
	if (strcmp(header.type, "BRITTLE") == 0)
		send_error(FAULT_DECODER_FAILED, -1);
	else
		decode(format, box, origin);
}

int main(void)
{
	union job_packet packet;
	int fd;
	while (receive(&packet, &fd) > 0) {
		if (packet.kind != JOB_SPARE)
			memset(word, 0, sizeof(word));
		if (packet.kind == JOB_LAST) {
			get_ready();
			send_signal(JOB_DONE);
		} else if (packet.kind == JOB_SPARE) {
			bool keeps = strncmp(word, "spare-keep-", 11) == 0;
			int spare = take_fd(&fd);
			if (!keeps)
				close(spare);
			misbehave(keeps ? "spare-keep-" : "spare-");
		} else if (packet.kind == JOB_DECODE &&
			   packet.decode.source == JOB_SOURCE_SEGMENT) {
			derive((enum format)packet.decode.format,
				(struct box){packet.decode.width, packet.decode.height}, fd);
		} else if (packet.kind == JOB_DECODE && pread(fd, word, sizeof(word) - 1, 0) > 0) {
			take_size();
			decode((enum format)packet.decode.format,
				(struct box){packet.decode.width, packet.decode.height}, fd);
		}
		close(fd);
	}
	return 0;
}
