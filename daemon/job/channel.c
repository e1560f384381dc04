/*
 * Both programs use one table: for each kind of packet its size, the side that sends it, and
 * whether a descriptor comes along. A packet that differs in any of these is received, so that
 * it is out of the way, and reported as -EPROTO.
 *
 * The decoder receives and closes descriptors that do not belong to a packet.
 *
 * A decoder sends no descriptors, and cannot: its packets go by send(2), which carries none, and
 * the sandbox allows no sendmsg(2). So the daemon never has to close what a decoder has sent, which
 * can take as long as a file server likes, or free the memory of a large file. In a build without
 * seccomp, the daemon offers no capacity for descriptors, and the kernel discards them.
 */
#include "config.h"

#include "daemon/job/channel.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client/protocol/fdpass.h"

enum channel_side { SIDE_DAEMON = 1, SIDE_DECODER };

static const struct {
	size_t size;
	enum channel_side sender;
	bool has_fd;
} kinds[] = {
	[JOB_DECODE] = {sizeof(struct job_decode), SIDE_DAEMON, true},
	[JOB_SEGMENT] = {sizeof(struct job_segment), SIDE_DAEMON, true},
	[JOB_REFUSE] = {sizeof(struct job_signal), SIDE_DAEMON, false},
	[JOB_FREE] = {sizeof(struct job_signal), SIDE_DAEMON, true},
	[JOB_READY] = {sizeof(struct job_ready), SIDE_DECODER, false},
	[JOB_HEADER] = {sizeof(struct job_header), SIDE_DECODER, false},
	[JOB_DONE] = {sizeof(struct job_signal), SIDE_DECODER, false},
	[JOB_ERROR] = {sizeof(struct job_error), SIDE_DECODER, false},
	[JOB_SPARE] = {sizeof(struct job_spare), SIDE_DAEMON, true},
	[JOB_NO_SPARE] = {sizeof(struct job_signal), SIDE_DECODER, false},
	[JOB_LAST] = {sizeof(struct job_signal), SIDE_DAEMON, false},
};

/* FDS_MAX: more descriptors than a packet may carry, so that they are noticed. */
enum { KINDS = sizeof(kinds) / sizeof(kinds[0]), FDS_MAX = 4 };

/* Returns how many bytes were sent, or a negative errno. */
static ssize_t channel_send_bytes(int channel, const void *bytes, size_t size)
{
	ssize_t count;
	do
		count = send(channel, bytes, size, MSG_NOSIGNAL);
	while (count < 0 && errno == EINTR);
	return count < 0 ? -errno : count;
}

int channel_send(int channel, const union job_packet *packet, int fd)
{
	if (packet->kind >= KINDS || kinds[packet->kind].size == 0)
		return -EINVAL;
	size_t size = kinds[packet->kind].size;
	ssize_t sent = kinds[packet->kind].has_fd ? fdpass_send(channel, packet, size, fd, 0)
						  : channel_send_bytes(channel, packet, size);
	return sent < 0 ? (int)sent : 0;
}

/* Whether a packet of size bytes is one that a side may send. */
static bool channel_is_valid(const union job_packet *packet, size_t size, enum channel_side sender)
{
	return size >= sizeof(packet->kind) && packet->kind < KINDS &&
	       kinds[packet->kind].size == size && kinds[packet->kind].sender == sender;
}

/* Receives a message, cut or not. Returns as the functions of channel.h do. */
static int channel_receive(int channel, struct fdpass_message *message, enum channel_side sender)
{
	ssize_t size = fdpass_receive(channel, message, 0);
	if (size < 0)
		return (int)size;
	bool cut = message->flags & (MSG_TRUNC | MSG_CTRUNC);
	if (size == 0 && message->fd_count == 0 && !cut)
		return 0;
	return !cut && channel_is_valid(message->bytes, (size_t)size, sender) ? 1 : -EPROTO;
}

int channel_receive_from_daemon(int channel, union job_packet *packet, int *fd)
{
	int fds[FDS_MAX];
	struct fdpass_message message = {
		.bytes = packet, .size = sizeof(*packet), .fds = fds, .fds_max = FDS_MAX};
	int r = channel_receive(channel, &message, SIDE_DAEMON);
	if (r > 0 && message.fd_count != kinds[packet->kind].has_fd)
		r = -EPROTO;
	*fd = fdpass_keep_first(&message);
	if (r > 0 || *fd < 0)
		return r;
	close(*fd);
	*fd = -1;
	return r;
}

int channel_receive_from_decoder(int channel, union job_packet *packet)
{
	struct fdpass_message message = {.bytes = packet, .size = sizeof(*packet)};
	return channel_receive(channel, &message, SIDE_DECODER);
}
