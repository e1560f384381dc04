/*
 * The channel between a daemon and a decoder.
 */
#include "config.h"

#include "daemon/job/channel.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

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

enum { KINDS = sizeof(kinds) / sizeof(kinds[0]), FDS_MAX = 4 };

/* Room for more than the one descriptor: what comes uninvited is closed, not lost. */
union control {
	struct cmsghdr header;
	char bytes[CMSG_SPACE(sizeof(int) * FDS_MAX)];
};

static void channel_attach(struct msghdr *message, union control *control, int fd)
{
	message->msg_control = control;
	message->msg_controllen = CMSG_SPACE(sizeof(fd));
	struct cmsghdr *header = CMSG_FIRSTHDR(message);
	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(header), &fd, sizeof(fd));
}

int channel_send(int channel, const union job_packet *packet, int fd)
{
	if (packet->kind >= KINDS || kinds[packet->kind].size == 0)
		return -EINVAL;
	union job_packet copy;
	memcpy(&copy, packet, kinds[packet->kind].size);
	struct iovec part = {&copy, kinds[packet->kind].size};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
	union control control = {0};
	if (kinds[packet->kind].has_fd)
		channel_attach(&message, &control, fd);
	ssize_t sent;
	do
		sent = sendmsg(channel, &message, MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	return sent < 0 ? -errno : 0;
}

/* Takes the first descriptor of a message, closes the others. Returns how many there were. */
static unsigned channel_take_fds(struct msghdr *message, int *fd)
{
	unsigned count = 0;
	struct cmsghdr *header = CMSG_FIRSTHDR(message);
	for (; header; header = CMSG_NXTHDR(message, header)) {
		if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
			continue;
		size_t length = header->cmsg_len - CMSG_LEN(0);
		for (size_t at = 0; at + sizeof(int) <= length; at += sizeof(int)) {
			int each;
			memcpy(&each, CMSG_DATA(header) + at, sizeof(each));
			if (count++ == 0)
				*fd = each;
			else
				close(each);
		}
	}
	return count;
}

static bool channel_is_right(const union job_packet *packet, size_t size, unsigned fds)
{
	return size >= sizeof(packet->kind) && packet->kind < KINDS &&
	       kinds[packet->kind].size == size && fds == kinds[packet->kind].has_fd;
}

int channel_receive(int channel, union job_packet *packet, int *fd)
{
	struct iovec part = {packet, sizeof(*packet)};
	union control control;
	struct msghdr message = {.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control)};
	ssize_t size;
	do
		size = recvmsg(channel, &message, MSG_CMSG_CLOEXEC);
	while (size < 0 && errno == EINTR);
	*fd = -1;
	if (size < 0)
		return -errno;
	unsigned fds = channel_take_fds(&message, fd);
	if (size == 0 && fds == 0)
		return 0;
	bool cut = message.msg_flags & (MSG_TRUNC | MSG_CTRUNC);
	if (!cut && channel_is_right(packet, (size_t)size, fds))
		return 1;
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
	return -EPROTO;
}
