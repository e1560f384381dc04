/*
 * The socket: a stream of lines.
 */
#include "client/lib/channel.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "client/lib/cleanup.h"
#include "client/protocol/fdpass.h"
#include "client/protocol/peer.h"

/* Descriptors that one read can bring; more than a daemon ever sends at once. */
enum { PASSED_MAX = 4 };

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
	/* -EPERM is for a daemon that is not trusted. */
	if (r == -EPERM)
		return -EACCES;
	if (r == 0)
		r = peer_check(fd, path, &peer);
	if (r == -EPERM)
		channel->stranger = peer;
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

/* Waits for events, or for the end of the stream. Returns 0, -ETIMEDOUT or another errno. */
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

/* Whether sending may be tried again after a failure: 0, or a negative errno. */
static int channel_after_failure(int fd, int error, deadline end)
{
	switch (error) {
	case -EAGAIN:
		return channel_wait_for(fd, POLLOUT, end);
	case -EPIPE:
	case -ENOTCONN:
		return -ECONNRESET;
	default:
		return error;
	}
}

int channel_send(
	struct channel *channel, const char *data, size_t size, int fd, deadline end, bool *begun)
{
	*begun = false;
	while (size > 0) {
		ssize_t sent = fdpass_send(channel->fd, data, size, fd, MSG_DONTWAIT);
		if (sent < 0) {
			int r = channel_after_failure(channel->fd, (int)sent, end);
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

/* Keeps the descriptors until they are taken. */
static bool channel_keep(struct channel *channel, struct fdpass_message *message)
{
	bool fits = message->fd_count <= CHANNEL_PASSED_MAX - channel->passed_count;
	for (size_t i = 0; i < message->fd_count; i++) {
		if (fits)
			channel->passed[channel->passed_count++] = message->fds[i];
		else
			close(message->fds[i]);
	}
	return fits;
}

static ssize_t channel_receive_some(struct channel *channel)
{
	int fds[PASSED_MAX];
	struct fdpass_message message = {
		.bytes = channel->data + channel->end,
		.size = sizeof(channel->data) - channel->end,
		.fds = fds,
		.fds_max = PASSED_MAX,
	};
	ssize_t count = fdpass_receive(channel->fd, &message, MSG_DONTWAIT);
	if (count < 0)
		return count;
	bool full = message.fd_count == PASSED_MAX;
	if (channel_keep(channel, &message) && !(message.flags & MSG_CTRUNC))
		return count;
	/* Without room for one, this process has too many open itself. */
	channel->fault = "the reply has too many descriptors";
	return (message.flags & MSG_CTRUNC) && !full ? -EMFILE : -EPROTO;
}

/* Receives more data. */
static int channel_fill(struct channel *channel)
{
	memmove(channel->data, channel->data + channel->start, channel->end - channel->start);
	channel->end -= channel->start;
	channel->start = 0;
	ssize_t count = channel_receive_some(channel);
	if (count > 0)
		channel->end += (size_t)count;
	if (count > 0)
		return 0;
	return count == 0 || count == -ENOTCONN ? -ECONNRESET : (int)count;
}

int channel_next(struct channel *channel, char **line, size_t *length)
{
	size_t seen = 0;
	for (;;) {
		char *from = channel->data + channel->start;
		size_t count = channel->end - channel->start;
		char *newline = memchr(from + seen, '\n', count - seen);
		if (newline) {
			*line = from;
			*length = (size_t)(newline - from);
			return 0;
		}
		if (count == sizeof(channel->data)) {
			channel->fault = "a line is longer than 16384 bytes";
			return -EPROTO;
		}
		seen = count;
		int r = channel_fill(channel);
		if (r < 0)
			return r;
	}
}

void channel_consume(struct channel *channel, size_t length)
{
	channel->start += length + 1;
}

int channel_wait(const struct channel *channel, deadline end)
{
	return channel_wait_for(channel->fd, POLLIN, end);
}

int channel_take(struct channel *channel)
{
	if (channel->passed_count == 0)
		return -1;
	int fd = channel->passed[0];
	channel->passed_count--;
	memmove(channel->passed, channel->passed + 1, channel->passed_count * sizeof(int));
	return fd;
}

void channel_discard(struct channel *channel)
{
	while (channel->passed_count > 0)
		close(channel->passed[--channel->passed_count]);
}
