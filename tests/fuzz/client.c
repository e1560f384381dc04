/*
 * Clients of the daemon's connections, over socket pairs.
 */
#include "tests/fuzz/client.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/fuzz/target.h"

enum { SEND_BUFFER = 4608, FDS_MAX = 253 };

void client_init(struct client *client, struct world *world, uid_t uid, gid_t gid)
{
	memset(client, 0, sizeof(*client));
	client->world = world;
	client->uid = uid;
	client->gid = gid;
	client->socket = -1;
}

static void on_wake(struct connection *connection)
{
	struct client *client = connection->server;
	client->awake = true;
}

/* As the server admits a client, with a small buffer, so that it is soon full. */
static void connect_client(struct client *client)
{
	struct credentials who = {.uid = client->uid, .gid = client->gid, .pid = getpid()};
	struct session *session;
	int ends[2], size = SEND_BUFFER;
	must(!client->connection); /* it ended when the client went */
	int r = session_open(&session, &client->world->engine, &who);
	if (r < 0)
		return;
	must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) == 0);
	must(setsockopt(ends[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)) == 0);
	client->socket = ends[0];
	client->connection = connection_open(ends[1], session);
	must(client->connection);
	client->connection->wake = on_wake;
	client->connection->server = client;
	client->length = 0;
	client->asked = client->answered = 0;
	client->may_be_quiet = false;
}

static void drop_fds(struct client *client)
{
	while (client->fd_count > 0)
		close(client->fds[--client->fd_count]);
}

void client_attach(struct client *client, int fd)
{
	if (client->fd_count == CLIENT_FDS)
		close(fd);
	else
		client->fds[client->fd_count++] = fd;
}

static unsigned count_lines(const uint8_t *text, size_t size)
{
	unsigned count = 0;
	for (size_t i = 0; i < size; i++)
		count += text[i] == '\n';
	return count;
}

void client_send(struct client *client, const uint8_t *text, size_t size)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(CLIENT_FDS * sizeof(int))];
	} control = {0};
	struct iovec data = {(void *)(uintptr_t)text, size};
	struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1};
	if (client->socket < 0)
		connect_client(client);
	if (client->fd_count > 0) {
		message.msg_control = &control;
		message.msg_controllen = CMSG_SPACE(client->fd_count * sizeof(int));
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(client->fd_count * sizeof(int));
		memcpy(CMSG_DATA(&control.header), client->fds, client->fd_count * sizeof(int));
	}
	/* What does not fit is not sent: the daemon has stopped to read. */
	ssize_t count = -1;
	if (client->socket >= 0 && size > 0)
		count = sendmsg(client->socket, &message, MSG_NOSIGNAL);
	if (count > 0) {
		client->asked += count_lines(text, (size_t)count);
		client->may_be_quiet |= memchr(text, 'q', (size_t)count) != NULL;
	}
	drop_fds(client);
}

static void check_line(struct client *client, char *line, size_t length)
{
	static const char *const verbs[] = {"OK", "ERR", "ITEM", "EVENT"};
	struct wire_line parsed;
	bool known = false;
	must(!wire_parse(line, length, &parsed));
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		known = known || strcmp(parsed.verb, verbs[i]) == 0;
	must(known);
	client->answered += parsed.verb[0] == 'O' || strcmp(parsed.verb, "ERR") == 0;
	const char *message = wire_get(&parsed, "message");
	const char *code = wire_get(&parsed, "code");
	must(strcmp(parsed.verb, "ERR") != 0 || (message && code));
	if (code && strcmp(code, "not-found") != 0)
		target_note(message);
}

static void check_lines(struct client *client)
{
	char *newline;
	while ((newline = memchr(client->partial, '\n', client->length))) {
		size_t length = (size_t)(newline - client->partial);
		check_line(client, client->partial, length);
		client->length -= length + 1;
		memmove(client->partial, newline + 1, client->length);
	}
	must(client->length < WIRE_LINE_MAX);
}

/* What a client gets is a segment to read. */
static void check_fds(struct msghdr *message)
{
	must(!(message->msg_flags & MSG_CTRUNC));
	struct cmsghdr *control = CMSG_FIRSTHDR(message);
	if (!control)
		return;
	int fd;
	must(control->cmsg_type == SCM_RIGHTS && control->cmsg_len == CMSG_LEN(sizeof(fd)));
	memcpy(&fd, CMSG_DATA(control), sizeof(fd));
	must((fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDONLY);
	close(fd);
}

static bool read_some(struct client *client)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(CLIENT_FDS * sizeof(int))];
	} control;
	struct iovec data = {
		client->partial + client->length, sizeof(client->partial) - client->length};
	struct msghdr message = {
		.msg_iov = &data,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	ssize_t count = recvmsg(client->socket, &message, MSG_CMSG_CLOEXEC);
	if (count <= 0)
		return false;
	check_fds(&message);
	client->length += (size_t)count;
	check_lines(client);
	return true;
}

bool client_read(struct client *client)
{
	bool something = false;
	while (client->socket >= 0 && read_some(client))
		something = true;
	return something;
}

bool client_is_content(const struct client *client)
{
	return !client->connection || client->answered == client->asked ||
	       (client->may_be_quiet && client->answered < client->asked);
}

void client_finish(struct client *client)
{
	if (client->socket >= 0)
		shutdown(client->socket, SHUT_WR);
}

void client_leave(struct client *client)
{
	drop_fds(client);
	if (client->socket >= 0)
		close(client->socket);
	client->socket = -1;
	client->length = 0;
}

/* Whether epoll(7) would tell the server of the connection; and what it makes of that. */
static bool has_event(struct connection *connection)
{
	struct pollfd poller = {.fd = connection->fd};
	/* The events of poll(2) and epoll(7) are the same on Linux. */
	poller.events = (short)connection_interest(connection);
	while (poll(&poller, 1, 0) < 0)
		must(errno == EINTR);
	if (poller.revents & (POLLHUP | POLLERR))
		connection->broken = true;
	return poller.revents != 0;
}

/* What is unread goes first, so that no thread is needed for it. */
static void close_connection(struct client *client)
{
	static struct drain drain;
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(FDS_MAX * sizeof(int))];
	} control;
	char bytes[4096];
	struct iovec data = {bytes, sizeof(bytes)};
	for (;;) {
		struct msghdr message = {
			.msg_iov = &data,
			.msg_iovlen = 1,
			.msg_control = &control,
			.msg_controllen = sizeof(control),
		};
		if (recvmsg(client->connection->fd, &message, MSG_DONTWAIT) <= 0)
			break;
		const struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
		size_t size = rights ? rights->cmsg_len - CMSG_LEN(0) : 0;
		for (size_t at = 0; at < size; at += sizeof(int)) {
			int fd;
			memcpy(&fd, CMSG_DATA(rights) + at, sizeof(fd));
			close(fd);
		}
	}
	connection_close(client->connection, &drain);
	must(drain.count == 0);
}

bool client_turn(struct client *client)
{
	if (!client->connection || !(has_event(client->connection) || client->awake))
		return false;
	client->awake = false;
	enum turn turn = connection_turn(client->connection);
	client->awake = client->awake || turn == TURN_AGAIN;
	if (turn == TURN_CLOSE) {
		close_connection(client);
		client->connection = NULL;
	}
	return true;
}
