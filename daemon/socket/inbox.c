/*
 * What a connection has received.
 */
#include "daemon/socket/inbox.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "daemon/base/fd-budget.h"
#include "daemon/socket/buffer.h"

void inbox_init(struct inbox *inbox, struct close_queue *close_queue)
{
	inbox->start = 0;
	inbox->end = 0;
	inbox->position = 0;
	inbox->fd_count = 0;
	inbox->close_queue = close_queue_hold(close_queue);
	inbox->data = NULL;
}

static void inbox_drop_fds(struct inbox *inbox, unsigned count)
{
	if (count == 0)
		return;
	for (unsigned i = 0; i < count; i++)
		close_queue_add(inbox->close_queue, inbox->data->fds[i].fd);
	inbox->fd_count -= count;
	memmove(inbox->data->fds, inbox->data->fds + count,
		inbox->fd_count * sizeof(inbox->data->fds[0]));
}

void inbox_clear(struct inbox *inbox)
{
	inbox_drop_fds(inbox, inbox->fd_count);
	inbox->start = inbox->end;
	inbox_rest(inbox);
	close_queue_leave(inbox->close_queue);
	inbox->close_queue = NULL;
}

void inbox_rest(struct inbox *inbox)
{
	if (!inbox->data || !inbox_is_empty(inbox))
		return;
	buffer_give(inbox->data);
	inbox->data = NULL;
}

/* What is left of the last data to the front. Returns 0 or -ENOMEM. */
static int inbox_make_room(struct inbox *inbox)
{
	if (!inbox->data && !(inbox->data = buffer_take()))
		return -ENOMEM;
	inbox->end -= inbox->start;
	memmove(inbox->data->bytes, inbox->data->bytes + inbox->start, inbox->end);
	inbox->start = 0;
	return 0;
}

/*
 * Keeps the descriptors of a message; closes what there is no room for. Descriptors that there
 * was space for are cut off when the process has none left.
 */
static int inbox_keep_fds(struct inbox *inbox, struct msghdr *message, uint64_t end)
{
	size_t came = 0;
	int r = 0;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		came += count;
		for (size_t i = 0; i < count; i++) {
			int fd;
			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
			if (inbox->fd_count < INBOX_FDS_MAX) {
				inbox->data->fds[inbox->fd_count++] = (struct inbox_fd){fd, end};
			} else {
				close_queue_add(inbox->close_queue, fd);
				r = -EPROTO;
			}
		}
	}
	fd_budget_take((unsigned)came);
	if (message->msg_flags & MSG_CTRUNC)
		r = came < FD_BUDGET_MESSAGE_MAX ? -EMFILE : -EPROTO;
	return r;
}

/*
 * There is room for all that a message may bring: for what there is none for, the kernel lets go
 * of here, and may wait as long as close(2) does.
 */
static ssize_t inbox_receive_message(struct inbox *inbox, int socket, struct iovec *data)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(FD_BUDGET_MESSAGE_MAX * sizeof(int))];
	} control;
	struct msghdr message = {
		.msg_iov = data,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	ssize_t count;
	do
		count = recvmsg(socket, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	while (count < 0 && errno == EINTR);
	if (count < 0)
		return -errno;
	inbox->end += (size_t)count;
	int r = inbox_keep_fds(inbox, &message, inbox->position + inbox->end);
	return r < 0 ? r : count;
}

/*
 * Looks at what is there without taking it, as far as it brings no descriptors. Where it does,
 * all of it is left to who closes the socket.
 */
static ssize_t inbox_look_ahead(int socket, struct iovec *data)
{
	struct msghdr message = {.msg_iov = data, .msg_iovlen = 1};
	ssize_t count;
	do
		count = recvmsg(socket, &message, MSG_PEEK | MSG_DONTWAIT);
	while (count < 0 && errno == EINTR);
	if (count < 0)
		return -errno;
	return message.msg_flags & MSG_CTRUNC ? -EMFILE : count;
}

ssize_t inbox_receive(struct inbox *inbox, int socket)
{
	if (inbox_make_room(inbox) < 0)
		return -ENOMEM;
	struct iovec data = {inbox->data->bytes + inbox->end, WIRE_LINE_MAX - inbox->end};
	if (fd_budget_is_scarce()) {
		ssize_t count = inbox_look_ahead(socket, &data);
		if (count <= 0)
			return count;
		data.iov_len = (size_t)count;
	}
	return inbox_receive_message(inbox, socket, &data);
}

char *inbox_line(struct inbox *inbox, size_t *length)
{
	if (inbox_is_empty(inbox))
		return NULL;
	char *line = inbox->data->bytes + inbox->start;
	const char *newline = memchr(line, '\n', inbox->end - inbox->start);
	if (!newline)
		return NULL;
	*length = (size_t)(newline - line);
	return line;
}

bool inbox_is_empty(const struct inbox *inbox)
{
	return inbox->start == inbox->end;
}

bool inbox_is_full(const struct inbox *inbox)
{
	return inbox->end - inbox->start == WIRE_LINE_MAX;
}

void inbox_consume(struct inbox *inbox, size_t length)
{
	unsigned expired = 0;
	inbox->start += length;
	inbox->position += length;
	while (expired < inbox->fd_count && inbox->data->fds[expired].end <= inbox->position)
		expired++;
	inbox_drop_fds(inbox, expired);
}

int inbox_take_fd(struct inbox *inbox)
{
	if (inbox->fd_count == 0)
		return -1;
	int fd = inbox->data->fds[0].fd;
	inbox->fd_count--;
	memmove(inbox->data->fds, inbox->data->fds + 1,
		inbox->fd_count * sizeof(inbox->data->fds[0]));
	return fd;
}
