/*
 * The baseline of FETCH.
 */
#include "tests/bench/echo.h"

#include <err.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum { EVENTS = 64, BUFFER = 65536 };

static const char *answer;
static size_t answer_length;

static void watch(int queue, int fd)
{
	struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
	if (epoll_ctl(queue, EPOLL_CTL_ADD, fd, &event) < 0)
		err(1, "epoll_ctl");
}

/* One read and one write for all lines that are there. */
static void serve(int fd)
{
	static char request[BUFFER], reply[BUFFER];
	ssize_t count = recv(fd, request, sizeof(request), 0);
	if (count <= 0) {
		close(fd);
		return;
	}
	size_t length = 0;
	for (ssize_t i = 0; i < count; i++) {
		if (request[i] != '\n' || length + answer_length > sizeof(reply))
			continue;
		memcpy(reply + length, answer, answer_length);
		length += answer_length;
	}
	if (send(fd, reply, length, MSG_NOSIGNAL) < 0)
		close(fd);
}

static _Noreturn void run(int listener)
{
	struct epoll_event events[EVENTS];
	int queue = epoll_create1(EPOLL_CLOEXEC);
	watch(queue, listener);
	for (;;) {
		int count = epoll_wait(queue, events, EVENTS, -1);
		for (int i = 0; i < count; i++) {
			if (events[i].data.fd == listener)
				watch(queue, accept4(listener, NULL, NULL, SOCK_NONBLOCK));
			else
				serve(events[i].data.fd);
		}
	}
}

pid_t echo_start(const char *path, const char *bytes, size_t length)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	strncpy(address.sun_path, path, sizeof(address.sun_path) - 1);
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (listener < 0 || bind(listener, (struct sockaddr *)&address, sizeof(address)) < 0 ||
		listen(listener, 4096) < 0)
		err(1, "%s", path);
	pid_t pid = fork();
	if (pid < 0)
		err(1, "fork");
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		answer = bytes;
		answer_length = length;
		run(listener);
	}
	close(listener);
	return pid;
}

void echo_stop(pid_t pid, const char *path)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	unlink(path);
}
