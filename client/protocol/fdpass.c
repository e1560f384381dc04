/*
 * The control messages of sendmsg(2) and recvmsg(2), as cmsg(3) describes them. Only these two
 * calls are used.
 */
#include "client/protocol/fdpass.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

ssize_t fdpass_send(int socket, const void *bytes, size_t size, int fd, int flags)
{
	union {
		struct cmsghdr header; /* for its alignment */
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct iovec vector = {(void *)(uintptr_t)bytes, size};
	struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1};
	if (fd >= 0) {
		message.msg_control = &control;
		message.msg_controllen = sizeof(control);
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(sizeof(fd));
		memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
	}
	ssize_t count;
	do
		count = sendmsg(socket, &message, flags | MSG_NOSIGNAL);
	while (count < 0 && errno == EINTR);
	return count < 0 ? -errno : count;
}

static void fdpass_add(struct fdpass_message *message, const unsigned char *data, size_t size)
{
	for (size_t at = 0; at + sizeof(int) <= size; at += sizeof(int)) {
		int fd;
		memcpy(&fd, data + at, sizeof(fd));
		if (message->fd_count < message->fds_max)
			message->fds[message->fd_count++] = fd;
		else
			close(fd);
	}
}

ssize_t fdpass_receive(int socket, struct fdpass_message *message, int flags)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(FDPASS_MAX * sizeof(int))];
	} control;
	struct iovec vector = {message->bytes, message->size};
	struct msghdr header = {.msg_iov = &vector, .msg_iovlen = 1};
	message->fd_count = 0;
	message->flags = 0;
	if (message->fds_max > 0) {
		/* Not CMSG_SPACE(): its padding is enough for one descriptor more. */
		header.msg_control = &control;
		header.msg_controllen = CMSG_LEN(message->fds_max * sizeof(int));
	}
	ssize_t count;
	do
		count = recvmsg(socket, &header, flags | MSG_CMSG_CLOEXEC);
	while (count < 0 && errno == EINTR);
	if (count < 0)
		return -errno;
	message->flags = header.msg_flags;
	struct cmsghdr *each = CMSG_FIRSTHDR(&header);
	for (; each; each = CMSG_NXTHDR(&header, each)) {
		if (each->cmsg_level == SOL_SOCKET && each->cmsg_type == SCM_RIGHTS)
			fdpass_add(message, CMSG_DATA(each), each->cmsg_len - CMSG_LEN(0));
	}
	return count;
}

int fdpass_keep_first(struct fdpass_message *message)
{
	for (size_t i = 1; i < message->fd_count; i++)
		close(message->fds[i]);
	int first = message->fd_count > 0 ? message->fds[0] : -1;
	message->fd_count = 0;
	return first;
}
