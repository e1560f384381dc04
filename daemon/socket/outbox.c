/*
 * Messages are cut where a descriptor begins: a descriptor goes with the first byte of its reply,
 * and a message carries one descriptor at most, so the client can tell which reply it is for.
 */
#include "daemon/socket/outbox.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client/protocol/fdpass.h"

void outbox_init(struct outbox *outbox)
{
	outbox->start = 0;
	outbox->end = 0;
	outbox->fd_count = 0;
	outbox->out_of_memory = false;
	outbox->data = NULL;
}

void outbox_clear(struct outbox *outbox)
{
	for (unsigned i = 0; i < outbox->fd_count; i++)
		close(outbox->data->fds[i].fd);
	outbox->fd_count = 0;
	outbox->start = outbox->end;
	outbox_release_buffer(outbox);
}

void outbox_release_buffer(struct outbox *outbox)
{
	if (!outbox_is_empty(outbox))
		return;
	if (outbox->data)
		buffer_put(outbox->data);
	outbox->data = NULL;
	outbox->start = outbox->end = 0;
}

bool outbox_is_empty(const struct outbox *outbox)
{
	return outbox->start == outbox->end;
}

static void outbox_compact(struct outbox *outbox)
{
	if (outbox->start == 0)
		return;
	memmove(outbox->data->bytes, outbox->data->bytes + outbox->start,
		outbox->end - outbox->start);
	for (unsigned i = 0; i < outbox->fd_count; i++)
		outbox->data->fds[i].offset -= outbox->start;
	outbox->end -= outbox->start;
	outbox->start = 0;
}

bool outbox_has_space(struct outbox *outbox)
{
	if (!outbox->data)
		outbox->data = buffer_get();
	outbox->out_of_memory = !outbox->data;
	if (outbox->out_of_memory || outbox->fd_count == OUTBOX_FDS_MAX)
		return false;
	if (OUTBOX_SIZE - outbox->end < WIRE_LINE_MAX)
		outbox_compact(outbox);
	return OUTBOX_SIZE - outbox->end >= WIRE_LINE_MAX;
}

char *outbox_space(struct outbox *outbox, size_t *size)
{
	*size = OUTBOX_SIZE - outbox->end;
	return outbox->data->bytes + outbox->end;
}

void outbox_add(struct outbox *outbox, size_t length, int fd)
{
	if (fd >= 0)
		outbox->data->fds[outbox->fd_count++] = (struct outbox_fd){fd, outbox->end};
	outbox->end += length;
}

/* Returns how many bytes may go in one message: up to the next reply with a descriptor. */
static size_t outbox_message_length(const struct outbox *outbox, bool with_fd)
{
	unsigned next = with_fd ? 1 : 0;
	size_t end = next < outbox->fd_count ? outbox->data->fds[next].offset : outbox->end;
	return end - outbox->start;
}

/* Most replies have no descriptor, and send(2) costs less than sendmsg(2). */
static ssize_t outbox_send_plain(int socket, const char *bytes, size_t size)
{
	ssize_t count;
	do
		count = send(socket, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (count < 0 && errno == EINTR);
	return count < 0 ? -errno : count;
}

static ssize_t outbox_send_message(struct outbox *outbox, int socket, bool with_fd)
{
	const char *bytes = outbox->data->bytes + outbox->start;
	size_t size = outbox_message_length(outbox, with_fd);
	if (!with_fd)
		return outbox_send_plain(socket, bytes, size);
	return fdpass_send(socket, bytes, size, outbox->data->fds[0].fd, MSG_DONTWAIT);
}

int outbox_send(struct outbox *outbox, int socket)
{
	while (outbox->start < outbox->end) {
		bool with_fd = outbox->fd_count > 0 && outbox->data->fds[0].offset == outbox->start;
		ssize_t count = outbox_send_message(outbox, socket, with_fd);
		if (count < 0)
			return (int)count;
		outbox->start += (size_t)count;
		if (with_fd) {
			close(outbox->data->fds[0].fd);
			outbox->fd_count--;
			memmove(outbox->data->fds, outbox->data->fds + 1,
				outbox->fd_count * sizeof(outbox->data->fds[0]));
		}
	}
	outbox->start = 0;
	outbox->end = 0;
	return 0;
}
