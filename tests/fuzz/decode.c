/*
 * Runs the service of the decoder in this process.
 */
#include "config.h"

#include "tests/fuzz/decode.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client/protocol/fault.h"
#include "daemon/decode/layout.h"
#include "daemon/decoder/codec/codec.h"
#include "daemon/decoder/pixel/stripe-writer.h"
#include "daemon/decoder/service.h"
#include "tests/fuzz/target.h"

enum { FDS_MAX = 8, PAGE = 4096, PIXELS_MAX = 1 << 17 };

void exchange_begin(struct exchange *exchange)
{
	int ends[2];
	exchange->next_fd = target_next_fd();
	must(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0);
	exchange->near = ends[0];
	exchange->far = ends[1];
}

void exchange_send(
	struct exchange *exchange, const void *packet, size_t size, const int *fds, unsigned count)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(FDS_MAX * sizeof(int))];
	} control = {0};
	struct iovec data = {(void *)(uintptr_t)packet, size};
	struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1};
	must(count <= FDS_MAX);
	if (count > 0) {
		message.msg_control = &control;
		message.msg_controllen = CMSG_SPACE(count * sizeof(int));
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(count * sizeof(int));
		memcpy(CMSG_DATA(&control.header), fds, count * sizeof(int));
	}
	must(sendmsg(exchange->near, &message, MSG_NOSIGNAL) == (ssize_t)size);
}

int exchange_serve(struct exchange *exchange)
{
	must(shutdown(exchange->near, SHUT_WR) == 0);
	int result = service_run(exchange->far);
	close(exchange->far);
	exchange->far = -1;
	return result;
}

static size_t size_of(uint32_t kind)
{
	switch (kind) {
	case JOB_HEADER:
		return sizeof(struct job_header);
	case JOB_ERROR:
		return sizeof(struct job_error);
	case JOB_DONE:
	case JOB_NO_SPARE:
		return sizeof(struct job_signal);
	default:
		return 0;
	}
}

/* What the daemon takes for granted of an error, and shows to people. */
static void check_error(const struct job_error *error)
{
	must(error->fault == FAULT_NOT_AN_IMAGE || error->fault == FAULT_DECODER_FAILED ||
		error->fault == FAULT_TOO_LARGE || error->fault == FAULT_NO_SPACE);
	must(memchr(error->message, 0, sizeof(error->message)) && *error->message);
	for (const char *c = error->message; *c; c++)
		must(*c >= ' ' && *c <= '~');
	target_note(error->message);
}

uint32_t exchange_answer(struct exchange *exchange, union job_packet *packet)
{
	memset(packet, 0, sizeof(*packet));
	ssize_t size = recv(exchange->near, packet, sizeof(*packet), MSG_TRUNC);
	if (size <= 0)
		return 0;
	must((size_t)size == size_of(packet->kind));
	if (packet->kind == JOB_ERROR)
		check_error(&packet->error);
	return packet->kind;
}

void exchange_end(struct exchange *exchange)
{
	if (exchange->far >= 0)
		close(exchange->far);
	close(exchange->near);
	must(target_next_fd() == exchange->next_fd);
}

static int file_of(const uint8_t *data, size_t size)
{
	int fd = memfd_create("input", MFD_CLOEXEC);
	must(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	return fd;
}

static struct box box_of(const struct job_decode *order)
{
	return (struct box){order->width, order->height};
}

/* Has the file decoded up to its header. Returns false when it is no image. */
static bool ask_header(
	int file, const struct job_decode *order, const char *type, struct job_header *header)
{
	struct exchange exchange;
	union job_packet packet;
	const struct job_signal rejected = {JOB_REFUSE};
	exchange_begin(&exchange);
	exchange_send(&exchange, order, sizeof(*order), &file, 1);
	exchange_send(&exchange, &rejected, sizeof(rejected), NULL, 0);
	int result = exchange_serve(&exchange);
	uint32_t kind = exchange_answer(&exchange, &packet);
	must(kind == JOB_HEADER || kind == JOB_ERROR);
	/* After an error there is nothing to refuse any more. */
	must(result == (kind == JOB_HEADER ? 0 : -EPROTO));
	if (kind == JOB_HEADER) {
		*header = packet.header;
		must(layout_is_plausible(header, (enum format)order->format, box_of(order)));
		must(!type || strcmp(header->type, type) == 0);
	}
	must(exchange_answer(&exchange, &packet) == 0);
	exchange_end(&exchange);
	return kind == JOB_HEADER;
}

static bool all_zero(const uint8_t *bytes, size_t size)
{
	return size == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, size - 1) == 0);
}

/* Looks at all that is not the picture's: the first page and the ends of the rows. */
static void check_segment(int segment, const struct header *header)
{
	size_t size = header->segment_size;
	uint8_t *map = mmap(NULL, size, PROT_READ, MAP_SHARED, segment, 0);
	must(map != MAP_FAILED);
	size_t row = (size_t)header->width * format_pixel_bytes((enum format)header->format);
	must(all_zero(map, header->pixel_offset));
	for (uint32_t y = 0; y < header->height; y++)
		must(all_zero(map + header->pixel_offset + y * header->stride + row,
			header->stride - row));
	munmap(map, size);
}

static void fill_segment(int file, const struct job_decode *order,
	const struct job_header *answer_header, const struct header *layout, int segment)
{
	struct exchange exchange;
	union job_packet packet;
	struct job_segment answer = {
		.kind = JOB_SEGMENT,
		.size = layout->segment_size,
		.pixel_offset = layout->pixel_offset,
		.stride = layout->stride,
	};
	for (uint32_t i = 0; i < layout->block_count; i++)
		answer.block_offsets[i] = layout->blocks[i].offset;
	exchange_begin(&exchange);
	exchange_send(&exchange, order, sizeof(*order), &file, 1);
	exchange_send(&exchange, &answer, sizeof(answer), &segment, 1);
	must(exchange_serve(&exchange) == 0);
	must(exchange_answer(&exchange, &packet) == JOB_HEADER);
	must(memcmp(&packet.header, answer_header, sizeof(*answer_header)) == 0);
	uint32_t kind = exchange_answer(&exchange, &packet);
	must(kind == JOB_DONE || kind == JOB_ERROR);
	must(exchange_answer(&exchange, &packet) == 0);
	exchange_end(&exchange);
}

static int stay_as_it_is(void)
{
	return 0;
}

/* What a decoder does once, before it serves. */
static void prepare(void)
{
	static bool prepared;
	if (!prepared) {
		codec_prepare();
		stripe_writer_prepare(stay_as_it_is);
	}
	prepared = true;
}

/*
 * The format follows from the size of the file, and so does a box for it: none, mostly, or one of
 * up to 64 pixels that the file's last bytes say.
 */
static struct job_decode order_for(const uint8_t *data, size_t size, enum job_source source)
{
	struct job_decode order = {
		.kind = JOB_DECODE, .format = (uint32_t)(size % FORMAT_COUNT), .source = source};
#ifdef HAVE_ZIMG
	if (size > 2 && (size / FORMAT_COUNT + data[size - 1]) % 2) {
		order.width = data[size - 1] % 64;
		order.height = data[size - 2] % 64;
	}
#else
	(void)data;
#endif
	return order;
}

static void decode_source(
	const uint8_t *data, size_t size, enum job_source source, const char *type)
{
	const struct job_decode order = order_for(data, size, source);
	const struct header_source nothing = {0};
	struct job_header answer_header;
	struct header layout;
	prepare();
	int file = file_of(data, size);
	if (ask_header(file, &order, type, &answer_header) &&
		(uint64_t)answer_header.full_width * answer_header.full_height <= PIXELS_MAX) {
		must(layout_header(&layout, &answer_header, &nothing, box_of(&order), 1, PAGE) ==
			0);
		int segment = memfd_create("segment", MFD_CLOEXEC);
		must(segment >= 0 && ftruncate(segment, (off_t)layout.segment_size) == 0);
		fill_segment(file, &order, &answer_header, &layout, segment);
		check_segment(segment, &layout);
		close(segment);
	}
	close(file);
}

void decode_file(const uint8_t *data, size_t size, const char *type)
{
	decode_source(data, size, JOB_SOURCE_FILE, type);
}

void decode_segment(const uint8_t *data, size_t size)
{
	decode_source(data, size, JOB_SOURCE_SEGMENT, NULL);
}
