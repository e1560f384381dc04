/*
 * Descriptors come with bytes, and a request takes its descriptor after its line was parsed. So
 * each descriptor is kept with the position after the bytes that it came with; when all lines up to
 * that position are consumed, no request can take it any more, and it is closed.
 */
#include "daemon/socket/inbox.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "client/protocol/fdpass.h"
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
	inbox_release_buffer(inbox);
	close_queue_leave(inbox->close_queue);
	inbox->close_queue = NULL;
}

void inbox_release_buffer(struct inbox *inbox)
{
	if (!inbox->data || !inbox_is_empty(inbox))
		return;
	buffer_put(inbox->data);
	inbox->data = NULL;
}

/* Moves the bytes to the beginning of the buffer. Returns 0 or -ENOMEM. */
static int inbox_make_space(struct inbox *inbox)
{
	if (!inbox->data && !(inbox->data = buffer_get()))
		return -ENOMEM;
	inbox->end -= inbox->start;
	memmove(inbox->data->bytes, inbox->data->bytes + inbox->start, inbox->end);
	inbox->start = 0;
	return 0;
}

/*
 * Keeps the descriptors of a message, and closes the ones above INBOX_FDS_MAX. MSG_CTRUNC tells
 * that the kernel has dropped descriptors: because the process has too many open, or, if the
 * message brought FDPASS_MAX of them, because the message had more.
 */
static int inbox_keep_fds(struct inbox *inbox, const struct fdpass_message *message, uint64_t end)
{
	int r = 0;
	for (size_t i = 0; i < message->fd_count; i++) {
		if (inbox->fd_count < INBOX_FDS_MAX) {
			inbox->data->fds[inbox->fd_count++] =
				(struct inbox_fd){message->fds[i], end};
		} else {
			close_queue_add(inbox->close_queue, message->fds[i]);
			r = -EPROTO;
		}
	}
	fd_budget_take((unsigned)message->fd_count);
	if (message->flags & MSG_CTRUNC)
		r = message->fd_count < FDPASS_MAX ? -EMFILE : -EPROTO;
	return r;
}

/*
 * The array holds all descriptors that a message can bring. The kernel would close any others here,
 * on this thread, and that may take as long as close(2) does.
 */
static ssize_t inbox_receive_message(struct inbox *inbox, int socket, size_t size)
{
	int fds[FDPASS_MAX];
	struct fdpass_message message = {
		.bytes = inbox->data->bytes + inbox->end,
		.size = size,
		.fds = fds,
		.fds_max = FDPASS_MAX,
	};
	ssize_t count = fdpass_receive(socket, &message, MSG_DONTWAIT);
	if (count < 0)
		return count;
	inbox->end += (size_t)count;
	int r = inbox_keep_fds(inbox, &message, inbox->position + inbox->end);
	return r < 0 ? r : count;
}

/*
 * Returns how many bytes come before any descriptor, and leaves them in the socket. Returns -EMFILE
 * when a descriptor comes first: its bytes stay in the socket until the socket is closed.
 */
static ssize_t inbox_peek(struct inbox *inbox, int socket, size_t size)
{
	struct fdpass_message message = {.bytes = inbox->data->bytes + inbox->end, .size = size};
	ssize_t count = fdpass_receive(socket, &message, MSG_PEEK | MSG_DONTWAIT);
	if (count < 0)
		return count;
	return message.flags & MSG_CTRUNC ? -EMFILE : count;
}

ssize_t inbox_receive(struct inbox *inbox, int socket)
{
	if (inbox_make_space(inbox) < 0)
		return -ENOMEM;
	size_t size = WIRE_LINE_MAX - inbox->end;
	if (fd_budget_is_scarce()) {
		ssize_t count = inbox_peek(inbox, socket, size);
		if (count <= 0)
			return count;
		size = (size_t)count;
	}
	return inbox_receive_message(inbox, socket, size);
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
