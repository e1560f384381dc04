/*
 * The channel between a daemon and a decoder.
 */
#include "config.h"

#include "daemon/job/channel.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client/protocol/fdpass.h"

static const struct {
	size_t size;
	bool has_fd;
} kinds[] = {
	[JOB_DECODE] = {sizeof(struct job_decode), true},
	[JOB_SEGMENT] = {sizeof(struct job_segment), true},
	[JOB_REFUSE] = {sizeof(struct job_signal), false},
	[JOB_FREE] = {sizeof(struct job_signal), true},
	[JOB_READY] = {sizeof(struct job_ready), false},
	[JOB_HEADER] = {sizeof(struct job_header), false},
	[JOB_DONE] = {sizeof(struct job_signal), false},
	[JOB_ERROR] = {sizeof(struct job_error), false},
	[JOB_SPARE] = {sizeof(struct job_spare), true},
	[JOB_NO_SPARE] = {sizeof(struct job_signal), false},
	[JOB_LAST] = {sizeof(struct job_signal), false},
};

/* FDS_MAX: descriptors that nobody asked for are received, to be closed. */
enum { KINDS = sizeof(kinds) / sizeof(kinds[0]), FDS_MAX = 4 };

int channel_send(int channel, const union job_packet *packet, int fd)
{
	if (packet->kind >= KINDS || kinds[packet->kind].size == 0)
		return -EINVAL;
	ssize_t sent = fdpass_send(
		channel, packet, kinds[packet->kind].size, kinds[packet->kind].has_fd ? fd : -1, 0);
	return sent < 0 ? (int)sent : 0;
}

static bool channel_is_right(const union job_packet *packet, size_t size, size_t fds)
{
	return size >= sizeof(packet->kind) && packet->kind < KINDS &&
	       kinds[packet->kind].size == size && fds == kinds[packet->kind].has_fd;
}

int channel_receive(int channel, union job_packet *packet, int *fd)
{
	int fds[FDS_MAX];
	struct fdpass_message message = {
		.bytes = packet, .size = sizeof(*packet), .fds = fds, .fds_max = FDS_MAX};
	*fd = -1;
	ssize_t size = fdpass_receive(channel, &message, 0);
	if (size < 0)
		return (int)size;
	size_t count = message.fd_count;
	if (size == 0 && count == 0)
		return 0;
	*fd = fdpass_keep_first(&message);
	bool cut = message.flags & (MSG_TRUNC | MSG_CTRUNC);
	if (!cut && channel_is_right(packet, (size_t)size, count))
		return 1;
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
	return -EPROTO;
}
