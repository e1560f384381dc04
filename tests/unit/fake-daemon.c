/*
 * A daemon for tests of the library.
 */
#include "tests/unit/fake-daemon.h"

#include "tests/unit/unit.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

/* A test that hangs is ended after so long; nothing waits this long when all is well. */
enum { PATIENCE_SECONDS = 20 };

__attribute__((format(printf, 2, 3))) static void complain(
	struct fake *fake, const char *format, ...)
{
	va_list arguments;
	if (fake->fault[0])
		return;
	va_start(arguments, format);
	vsnprintf(fake->fault, sizeof(fake->fault), format, arguments);
	va_end(arguments);
}

/* Receives one byte and the descriptor that may come with it. Returns false at the end. */
static bool hear_byte(struct fake *fake, char *byte, int *fd)
{
	union {
		struct cmsghdr align;
		char data[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec vector = {byte, 1};
	struct msghdr message = {.msg_iov = &vector,
		.msg_iovlen = 1,
		.msg_control = control.data,
		.msg_controllen = sizeof(control.data)};
	if (recvmsg(fake->connection, &message, MSG_CMSG_CLOEXEC) != 1)
		return false;
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	if (header && header->cmsg_type == SCM_RIGHTS)
		memcpy(fd, CMSG_DATA(header), sizeof(*fd));
	return true;
}

bool fake_read(struct fake *fake, char line[FAKE_LINE_MAX], int *fd)
{
	size_t length = 0;
	*fd = -1;
	line[0] = '\0';
	while (length < FAKE_LINE_MAX && hear_byte(fake, &line[length], fd) && line[length] != '\n')
		length++;
	bool whole = length < FAKE_LINE_MAX && line[length] == '\n';
	line[whole ? length : 0] = '\0';
	return whole;
}

bool fake_hear_with(struct fake *fake, const char *line, int *fd)
{
	char heard[FAKE_LINE_MAX];
	if (fake_read(fake, heard, fd) && strcmp(heard, line) == 0)
		return true;
	complain(fake, "heard '%.200s', not '%.200s'", heard, line);
	return false;
}

bool fake_hear(struct fake *fake, const char *line)
{
	int fd;
	bool same = fake_hear_with(fake, line, &fd);
	if (fd >= 0) {
		close(fd);
		complain(fake, "a descriptor came with '%.200s'", line);
	}
	return same;
}

void fake_hear_end(struct fake *fake)
{
	char byte;
	ssize_t count = recv(fake->connection, &byte, 1, 0);
	if (count > 0)
		complain(fake, "heard '%c', not the end", byte);
	else if (count < 0 && errno != ECONNRESET)
		complain(fake, "the client did not end the connection: %s", strerror(errno));
}

void fake_say_with(struct fake *fake, const char *text, const int *fds, size_t count)
{
	union {
		struct cmsghdr align;
		char data[CMSG_SPACE(16 * sizeof(int))];
	} control = {0};
	char *copy = strdup(text);
	assert_non_null(copy);
	struct iovec vector = {copy, strlen(text)};
	struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1};
	if (count > 0) {
		message.msg_control = control.data;
		message.msg_controllen = CMSG_SPACE(count * sizeof(int));
		struct cmsghdr *header = CMSG_FIRSTHDR(&message);
		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = CMSG_LEN(count * sizeof(int));
		memcpy(CMSG_DATA(header), fds, count * sizeof(int));
	}
	ssize_t sent = sendmsg(fake->connection, &message, MSG_NOSIGNAL);
	if (sent != (ssize_t)vector.iov_len && errno != EPIPE)
		complain(fake, "cannot send '%.200s': %s", text, strerror(errno));
	free(copy);
}

void fake_say(struct fake *fake, const char *text)
{
	fake_say_with(fake, text, NULL, 0);
}

void fake_handshake(struct fake *fake)
{
	fake_handshake_with(fake, "");
}

void fake_handshake_with(struct fake *fake, const char *features)
{
	char text[256];
	fake_hear(fake, "HELLO protocol=1");
	snprintf(text, sizeof(text),
		"OK protocol=1 version=9.8.7 uid=%u formats=RGBA8 max-pixels=1000 board=/b"
		"%s%s\n",
		(unsigned)geteuid(), *features ? " features=" : "", features);
	fake_say(fake, text);
}

static void hang_up(struct fake *fake)
{
	if (fake->connection >= 0)
		close(fake->connection);
	fake->connection = -1;
}

bool fake_accept(struct fake *fake)
{
	struct timeval patience = {.tv_sec = PATIENCE_SECONDS};
	struct pollfd poller = {.fd = fake->listener, .events = POLLIN};
	hang_up(fake);
	if (poll(&poller, 1, PATIENCE_SECONDS * 1000) == 1)
		fake->connection = accept4(fake->listener, NULL, NULL, SOCK_CLOEXEC);
	if (fake->connection < 0) {
		complain(fake, "nobody connected");
		return false;
	}
	setsockopt(fake->connection, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	return true;
}

void fake_die(struct fake *fake)
{
	close(fake->listener);
	fake->listener = -1;
	hang_up(fake);
}

void fake_listen(struct fake *fake)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	memcpy(address.sun_path, fake->path, strlen(fake->path));
	unlink(fake->path);
	fake->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fake->listener < 0 ||
		bind(fake->listener, (struct sockaddr *)&address, sizeof(address)) < 0 ||
		listen(fake->listener, 1) < 0)
		complain(fake, "cannot listen: %s", strerror(errno));
}

static void *run(void *context)
{
	/* The signals of a test are for its client. */
	sigset_t all;
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, NULL);
	struct fake *fake = context;
	if (fake_accept(fake))
		fake->script(fake, fake->context);
	hang_up(fake);
	return NULL;
}

void fake_start(struct fake *fake, fake_script *script, void *context)
{
	*fake = (struct fake){.folder = "/tmp/shmimg-unit-XXXXXX",
		.connection = -1,
		.script = script,
		.context = context};
	assert_non_null(mkdtemp(fake->folder));
	snprintf(fake->path, sizeof(fake->path), "%s/socket", fake->folder);
	fake_listen(fake);
	assert_string_equal(fake->fault, "");
	assert_int_equal(pthread_create(&fake->thread, NULL, run, fake), 0);
	fake->running = true;
}

const char *fake_stop(struct fake *fake)
{
	if (!fake->running)
		return fake->fault;
	fake->running = false;
	pthread_join(fake->thread, NULL);
	if (fake->listener >= 0)
		close(fake->listener);
	unlink(fake->path);
	rmdir(fake->folder);
	return fake->fault;
}

shmimg_client *fake_connect(struct fake *fake, fake_script *script, void *context)
{
	shmimg_client *client;
	fake_start(fake, script, context);
	assert_int_equal(shmimg_connect(&client, fake->path, FAKE_TIMEOUT), 0);
	assert_non_null(client);
	return client;
}

void fake_finish(struct fake *fake, shmimg_client *client)
{
	shmimg_close(client);
	assert_string_equal(fake_stop(fake), "");
}

void fake_handshake_and_wait(struct fake *fake, void *context)
{
	(void)context;
	fake_handshake(fake);
	fake_hear_end(fake);
}

int fake_setup(void **state)
{
	*state = calloc(1, sizeof(struct fake));
	return *state ? 0 : -1;
}

int fake_teardown(void **state)
{
	fake_stop(*state);
	free(*state);
	return 0;
}
