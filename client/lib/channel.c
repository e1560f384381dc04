/*
 * The socket as a stream of lines.
 */
#include "client/lib/channel.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "client/lib/cleanup.h"

/* Descriptors that one read can bring; more than a daemon ever sends at once. */
enum { PASSED_MAX = 4 };

/* Room for descriptors, aligned as cmsg(3) wants it. */
union control {
	struct cmsghdr align;
	char data[CMSG_SPACE(PASSED_MAX * sizeof(int))];
};

/*
 * connect(2) of a Unix socket waits only while the daemon's backlog is full, and only a
 * blocking socket with SO_SNDTIMEO does so for a limited time: unix(7), socket(7).
 */
static int channel_connect_until(int fd, const struct sockaddr_un *address, deadline end)
{
	for (;;) {
		struct timespec left = deadline_left(end);
		struct timeval limit = {left.tv_sec, left.tv_nsec / 1000};
		if (limit.tv_sec == 0 && limit.tv_usec == 0)
			limit.tv_usec = 1;
		if (end != DEADLINE_NEVER &&
			setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) < 0)
			return -errno;
		if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0)
			return 0;
		if (errno == EAGAIN)
			return -ETIMEDOUT;
		if (errno != EINTR)
			return -errno;
	}
}

static int channel_peer_of(int fd, uid_t *uid)
{
	struct ucred credentials;
	socklen_t size = sizeof(credentials);
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) < 0)
		return -errno;
	*uid = credentials.uid;
	return 0;
}

int channel_open(struct channel *channel, const char *path, deadline end)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	size_t length = strlen(path);
	if (length >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	if (length == 0)
		return -ENOENT;
	memcpy(address.sun_path, path, length);
	CLOSED int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	uid_t peer = 0;
	int r = channel_connect_until(fd, &address, end);
	if (r == 0)
		r = channel_peer_of(fd, &peer);
	if (r < 0)
		return r;
	channel_close(channel);
	channel->fd = fd;
	channel->address = address;
	channel->peer = peer;
	channel->start = channel->end = 0;
	fd = -1;
	return 0;
}

void channel_close(struct channel *channel)
{
	channel_discard(channel);
	if (channel->fd >= 0)
		close(channel->fd);
	channel->fd = -1;
}

/* Waits for events, or for the other side to go. Returns 0, -ETIMEDOUT or another errno. */
static int channel_wait_for(int fd, short events, deadline end)
{
	for (;;) {
		struct pollfd poller = {.fd = fd, .events = events};
		int ready = poll(&poller, 1, deadline_poll(end));
		if (ready > 0)
			return 0;
		if (ready == 0)
			return -ETIMEDOUT;
		if (errno != EINTR)
			return -errno;
	}
}

/* Whether to go on after a failed call on the socket: 0, or a negative errno. */
static int channel_after_failure(int fd, short events, deadline end)
{
	switch (errno) {
	case EINTR:
		return 0;
	case EAGAIN:
		return channel_wait_for(fd, events, end);
	case EPIPE:
	case ENOTCONN:
		return -ECONNRESET;
	default:
		return -errno;
	}
}

static ssize_t channel_send_some(int socket, const char *data, size_t size, int fd)
{
	/* sendmsg does not write to data; struct iovec has no word for that. */
	union {
		const char *from;
		void *base;
	} bytes = {.from = data};
	struct iovec vector = {.iov_base = bytes.base, .iov_len = size};
	struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1};
	union control control = {0};
	if (fd >= 0) {
		message.msg_control = control.data;
		message.msg_controllen = CMSG_SPACE(sizeof(fd));
		struct cmsghdr *header = CMSG_FIRSTHDR(&message);
		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = CMSG_LEN(sizeof(fd));
		memcpy(CMSG_DATA(header), &fd, sizeof(fd));
	}
	return sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

int channel_send(
	struct channel *channel, const char *data, size_t size, int fd, deadline end, bool *begun)
{
	*begun = false;
	while (size > 0) {
		ssize_t sent = channel_send_some(channel->fd, data, size, fd);
		if (sent < 0) {
			int r = channel_after_failure(channel->fd, POLLOUT, end);
			if (r < 0)
				return r;
			continue;
		}
		data += sent;
		size -= (size_t)sent;
		fd = -1;
		*begun = true;
	}
	return 0;
}

/* Keeps the first descriptor of a control message, closes the others and counts them all. */
static size_t channel_keep_descriptors(struct channel *channel, struct cmsghdr *header)
{
	size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	for (size_t i = 0; i < count; i++) {
		int fd;
		memcpy(&fd, CMSG_DATA(header) + i * sizeof(fd), sizeof(fd));
		if (channel->passed < 0)
			channel->passed = fd;
		else
			close(fd);
	}
	return count;
}

static ssize_t channel_receive_some(struct channel *channel)
{
	struct iovec vector = {channel->data + channel->end, sizeof(channel->data) - channel->end};
	union control control;
	struct msghdr message = {.msg_iov = &vector,
		.msg_iovlen = 1,
		.msg_control = control.data,
		.msg_controllen = sizeof(control.data)};
	ssize_t count = recvmsg(channel->fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (count < 0)
		return -1;
	size_t came = 0;
	for (struct cmsghdr *next = CMSG_FIRSTHDR(&message); next;
		next = CMSG_NXTHDR(&message, next)) {
		if (next->cmsg_level == SOL_SOCKET && next->cmsg_type == SCM_RIGHTS)
			came += channel_keep_descriptors(channel, next);
	}
	if (message.msg_flags & MSG_CTRUNC) {
		/* Without room for one, this process has too many open itself. */
		channel->fault = "more descriptors came than belong to a reply";
		errno = came < PASSED_MAX ? EMFILE : EPROTO;
		return -1;
	}
	return count;
}

/* Until when to try again and again what would have to wait. */
static deadline channel_end_of_spin(const struct channel *channel, deadline end)
{
	return channel->spin_us > 0 ? deadline_within(end, channel->spin_us) : 0;
}

/* Adds to what has been received. */
static int channel_fill(struct channel *channel, deadline end)
{
	memmove(channel->data, channel->data + channel->start, channel->end - channel->start);
	channel->end -= channel->start;
	channel->start = 0;
	deadline spin = channel_end_of_spin(channel, end);
	for (;;) {
		ssize_t count = channel_receive_some(channel);
		if (count > 0) {
			channel->end += (size_t)count;
			return 0;
		}
		if (count == 0)
			return -ECONNRESET;
		if (errno == EAGAIN && spin > 0 && !deadline_passed(spin))
			continue;
		int r = channel_after_failure(channel->fd, POLLIN, end);
		if (r < 0)
			return r;
	}
}

int channel_receive(struct channel *channel, char **line, size_t *length, deadline end)
{
	size_t seen = 0;
	for (;;) {
		char *from = channel->data + channel->start;
		size_t count = channel->end - channel->start;
		char *newline = memchr(from + seen, '\n', count - seen);
		if (newline) {
			*line = from;
			*length = (size_t)(newline - from);
			channel->start += *length + 1;
			return 0;
		}
		if (count == sizeof(channel->data)) {
			channel->fault = "a line is longer than 16384 bytes";
			return -EPROTO;
		}
		seen = count;
		int r = channel_fill(channel, end);
		if (r < 0)
			return r;
	}
}

int channel_take(struct channel *channel)
{
	int fd = channel->passed;
	channel->passed = -1;
	return fd;
}

void channel_discard(struct channel *channel)
{
	int fd = channel_take(channel);
	if (fd >= 0)
		close(fd);
}
