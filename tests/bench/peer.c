/*
 * One end of the protocol as a benchmark needs it.
 */
#include "tests/bench/peer.h"

#include <err.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

size_t peer_request(char line[WIRE_LINE_MAX], const char *verb, const char *name)
{
	struct wire_writer writer;
	wire_begin(&writer, line, WIRE_LINE_MAX, verb);
	wire_add(&writer, "name", name);
	return (size_t)wire_end(&writer);
}

void peer_open(struct peer *peer, const char *path, bool greet)
{
	static const char hello[] = "HELLO protocol=1\n";
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	strncpy(address.sun_path, path, sizeof(address.sun_path) - 1);
	peer->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (peer->fd < 0 || connect(peer->fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		err(1, "%s", path);
	if (greet)
		peer_ask(peer, hello, sizeof(hello) - 1, -1);
}

void peer_close(struct peer *peer)
{
	close(peer->fd);
}

void peer_send(struct peer *peer, const char *line, size_t length, int fd)
{
	struct iovec data = {(void *)(uintptr_t)line, length};
	struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1};
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {0};
	if (fd >= 0) {
		message.msg_control = control;
		message.msg_controllen = sizeof(control);
		struct cmsghdr *header = CMSG_FIRSTHDR(&message);
		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(header), &fd, sizeof(fd));
	}
	if (sendmsg(peer->fd, &message, MSG_NOSIGNAL) != (ssize_t)length)
		err(1, "sendmsg");
}

void peer_receive(struct peer *peer)
{
	peer->length = 0;
	do {
		ssize_t count = recv(peer->fd, peer->answer + peer->length,
			sizeof(peer->answer) - peer->length, 0);
		if (count <= 0)
			err(1, "recv");
		peer->length += (size_t)count;
	} while (peer->answer[peer->length - 1] != '\n');
	if (strncmp(peer->answer, "OK", 2) != 0)
		errx(1, "%.*s", (int)peer->length - 1, peer->answer);
}

void peer_ask(struct peer *peer, const char *line, size_t length, int fd)
{
	peer_send(peer, line, length, fd);
	peer_receive(peer);
}

void peer_ask_name(struct peer *peer, const char *verb, const char *name)
{
	char line[WIRE_LINE_MAX];
	peer_ask(peer, line, peer_request(line, verb, name), -1);
}

void peer_load(struct peer *peer, const char *name, int file)
{
	peer_load_box(peer, name, file, BOX_ANY);
}

void peer_load_box(struct peer *peer, const char *name, int file, struct box box)
{
	struct wire_writer writer;
	char line[WIRE_LINE_MAX];
	wire_begin(&writer, line, sizeof(line), "LOAD");
	wire_add(&writer, "source", "fd");
	wire_add(&writer, "name", name);
	wire_add(&writer, "pin", "no");
	if (box.width > 0)
		wire_add_number(&writer, "width", box.width);
	if (box.height > 0)
		wire_add_number(&writer, "height", box.height);
	peer_ask(peer, line, (size_t)wire_end(&writer), file);
}
