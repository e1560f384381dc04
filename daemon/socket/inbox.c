/*
 * Descriptors come with bytes, and a line takes its descriptor after it was parsed. So each
 * descriptor is kept with the positions of the bytes that it came with: only lines that begin there
 * can take it, or one that all these bytes belong to. When these lines are consumed, it is closed.
 *
 * recvmsg(2) may return bytes of earlier messages before those of a message with descriptors. The
 * lines of these bytes have no right to the descriptors. So the input is peeked at first, and
 * before such a message it is received line by line.
 *
 * What is no regular file is closed at once, and an eventfd(2) takes its place, for the line to be
 * refused. It may be the other end of a connection, or hold it: kept here, it would keep the
 * connection open after its client's end, and so itself.
 */
#include "daemon/socket/inbox.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

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
	for (unsigned i = 0; i < count; i++) {
		if (inbox->data->fds[i].stands_in)
			close(inbox->data->fds[i].fd);
		else
			close_queue_add(inbox->close_queue, inbox->data->fds[i].fd);
	}
	close_queue_count_received(inbox->close_queue, -(int)count);
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
	/* A descriptor may have come with bytes that were only peeked at yet. */
	if (!inbox->data || !inbox_is_empty(inbox) || inbox->fd_count > 0)
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

/* What the kernel does not tell may be a file (source.c). The kernel asks no file server here. */
static bool inbox_may_be_file(int fd)
{
	struct statx status;
	return statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_TYPE, &status) < 0 ||
	       S_ISREG(status.stx_mode);
}

/* Returns 0, or -EMFILE without a descriptor that takes the place of what is no file. */
static int inbox_keep_fd(struct inbox *inbox, int fd, uint64_t start, uint64_t end)
{
	bool is_file = inbox_may_be_file(fd);
	if (!is_file) {
		close_queue_add(inbox->close_queue, fd);
		fd = eventfd(0, EFD_CLOEXEC);
	}
	if (fd < 0)
		return -EMFILE;
	inbox->data->fds[inbox->fd_count++] = (struct inbox_fd){fd, start, end, !is_file};
	close_queue_count_received(inbox->close_queue, 1);
	return 0;
}

/*
 * Keeps the descriptors of a message, and closes the ones above INBOX_FDS_MAX. MSG_CTRUNC tells
 * that the kernel has dropped descriptors: because the process has too many open, or, if the
 * message brought FDPASS_MAX of them, because the message had more.
 */
static int inbox_keep_fds(
	struct inbox *inbox, const struct fdpass_message *message, uint64_t start, uint64_t end)
{
	int r = 0;
	for (size_t i = 0; i < message->fd_count; i++) {
		if (r == 0 && inbox->fd_count < INBOX_FDS_MAX) {
			r = inbox_keep_fd(inbox, message->fds[i], start, end);
		} else {
			close_queue_add(inbox->close_queue, message->fds[i]);
			r = r < 0 ? r : -EPROTO;
		}
	}
	fd_budget_take((unsigned)message->fd_count);
	if (message->flags & MSG_CTRUNC)
		r = message->fd_count < FDPASS_MAX ? -EMFILE : -EPROTO;
	return r;
}

/*
 * Receives a message whose last byte, as far as it was peeked at, is the one before end. The array
 * holds all descriptors that a message can bring. The kernel would close any others here, on this
 * thread, and that may take as long as close(2) does.
 */
static ssize_t inbox_receive_message(struct inbox *inbox, int socket, size_t size, uint64_t end)
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
	uint64_t start = inbox->position + inbox->end;
	inbox->end += (size_t)count;
	int r = inbox_keep_fds(inbox, &message, start, end);
	return r < 0 ? r : count;
}

/* Peeks at the input, up to the end of the first message that brings descriptors. */
static ssize_t inbox_peek(struct inbox *inbox, int socket, size_t size, bool *brings_fds)
{
	struct fdpass_message message = {.bytes = inbox->data->bytes + inbox->end, .size = size};
	ssize_t count = fdpass_receive(socket, &message, MSG_PEEK | MSG_DONTWAIT);
	*brings_fds = count >= 0 && (message.flags & MSG_CTRUNC);
	return count;
}

/*
 * Receives input that was peeked at and that descriptors come with, or behind. All bytes of a line
 * may bring its descriptor. Else the first byte is received alone: when it brings the descriptors,
 * their message begins there, and the rest is of the same message. When it does not, no more than
 * the rest of its line is received, and if that brings them, their message begins within the line.
 */
static ssize_t inbox_receive_with_fds(struct inbox *inbox, int socket, size_t size)
{
	const char *bytes = inbox->data->bytes + inbox->end;
	const char *newline = memchr(bytes, '\n', size);
	size_t line = newline ? (size_t)(newline + 1 - bytes) : size;
	bool begins_line = inbox->end == 0 || bytes[-1] == '\n';
	uint64_t end = inbox->position + inbox->end + size;
	if (line == size || !begins_line)
		return inbox_receive_message(inbox, socket, line, end);
	unsigned before = inbox->fd_count;
	ssize_t first = inbox_receive_message(inbox, socket, 1, end);
	size_t rest = (inbox->fd_count > before ? size : line) - 1;
	if (first <= 0 || rest == 0)
		return first;
	ssize_t count = inbox_receive_message(inbox, socket, rest, end);
	return count < 0 ? count : first + count;
}

/*
 * Without room for descriptors, or for those of this user, a message that brings some stays in the
 * socket until the socket is closed, and this returns -EMFILE.
 */
ssize_t inbox_receive(struct inbox *inbox, int socket)
{
	bool brings_fds, is_scarce = fd_budget_is_scarce();
	if (inbox_make_space(inbox) < 0)
		return -ENOMEM;
	ssize_t count = inbox_peek(inbox, socket, WIRE_LINE_MAX - inbox->end, &brings_fds);
	if (count <= 0)
		return count;
	if (brings_fds)
		return is_scarce || !close_queue_has_share(inbox->close_queue)
			       ? -EMFILE
			       : inbox_receive_with_fds(inbox, socket, (size_t)count);
	return inbox_receive_message(inbox, socket, (size_t)count, 0);
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

/* Whether a message has the first byte of the next line, or only bytes of this line. */
static bool inbox_is_of_line(const struct inbox *inbox, const struct inbox_fd *fd, size_t length)
{
	return fd->start <= inbox->position || fd->end <= inbox->position + length;
}

int inbox_take_fd(struct inbox *inbox, size_t length)
{
	if (inbox->fd_count == 0 || !inbox_is_of_line(inbox, &inbox->data->fds[0], length))
		return -1;
	int fd = inbox->data->fds[0].fd;
	inbox->fd_count--;
	memmove(inbox->data->fds, inbox->data->fds + 1,
		inbox->fd_count * sizeof(inbox->data->fds[0]));
	return fd;
}
