/*
 * Terminals, by their device: standard input may be something else.
 */
#include "client/ctl/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

int terminal_open(struct terminal *terminal, int fd)
{
	char name[128];
	*terminal = (struct terminal){.fd = -1};
	if (!isatty(fd) || ttyname_r(fd, name, sizeof(name)) != 0)
		return -ENOTTY;
	terminal->fd = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (terminal->fd < 0)
		return -errno;
	if (tcgetpgrp(terminal->fd) == getpgrp())
		return 0;
	terminal_close(terminal);
	return -EAGAIN;
}

void terminal_close(struct terminal *terminal)
{
	if (terminal->fd < 0)
		return;
	terminal_restore(terminal);
	close(terminal->fd);
	terminal->fd = -1;
}

int terminal_quiet(struct terminal *terminal)
{
	static const int waiting[] = {SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGTSTP, SIGTTOU};
	sigset_t set;
	if (tcgetattr(terminal->fd, &terminal->before) < 0)
		return -errno;
	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(waiting) / sizeof(*waiting); i++)
		sigaddset(&set, waiting[i]);
	sigprocmask(SIG_BLOCK, &set, &terminal->mask);
	terminal->is_quiet = true;
	struct termios quiet = terminal->before;
	quiet.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	quiet.c_cc[VMIN] = 1;
	quiet.c_cc[VTIME] = 0;
	if (tcsetattr(terminal->fd, TCSADRAIN, &quiet) == 0)
		return 0;
	int error = -errno;
	terminal_restore(terminal);
	return error;
}

void terminal_restore(struct terminal *terminal)
{
	if (!terminal->is_quiet)
		return;
	terminal->is_quiet = false;
	tcsetattr(terminal->fd, TCSADRAIN, &terminal->before);
	sigprocmask(SIG_SETMASK, &terminal->mask, NULL);
}

static long terminal_now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int terminal_await(int fd, short events, long end)
{
	struct pollfd poller = {.fd = fd, .events = events};
	for (;;) {
		long left = end - terminal_now_ms();
		int result = poll(&poller, 1, left > 0 ? (int)left : 0);
		if (result > 0)
			return 0;
		if (result == 0)
			return -ETIMEDOUT;
		if (errno != EINTR)
			return -errno;
	}
}

/* Has a limit: a terminal that the user stopped with ^S accepts nothing. */
static int terminal_write_all(int fd, const char *text, long end)
{
	size_t left = strlen(text);
	while (left > 0) {
		int result = terminal_await(fd, POLLOUT, end);
		if (result < 0)
			return result;
		ssize_t count = write(fd, text, left);
		if (count < 0 && errno != EINTR && errno != EAGAIN)
			return -errno;
		text += count > 0 ? count : 0;
		left -= count > 0 ? (size_t)count : 0;
	}
	return 0;
}

int terminal_ask(const struct terminal *terminal, const char *text,
	bool (*is_whole)(const char *answer), char *answer, size_t size, int timeout_ms)
{
	long end = terminal_now_ms() + timeout_ms;
	size_t length = 0;
	answer[0] = '\0';
	int result = terminal_write_all(terminal->fd, text, end);
	while (result == 0 && !is_whole(answer)) {
		if (length + 1 >= size)
			return -ENOBUFS;
		result = terminal_await(terminal->fd, POLLIN, end);
		if (result < 0)
			break;
		ssize_t count = read(terminal->fd, answer + length, size - 1 - length);
		if (count <= 0)
			return count < 0 ? -errno : -EIO;
		length += (size_t)count;
		answer[length] = '\0'; /* a NUL byte hides the bytes after it; no answer has one */
	}
	return result < 0 ? result : (int)length;
}

struct terminal_size terminal_size(int fd)
{
	struct winsize size = {0};
	if (ioctl(fd, TIOCGWINSZ, &size) < 0)
		size = (struct winsize){0};
	return (struct terminal_size){.columns = size.ws_col ? size.ws_col : 80,
		.rows = size.ws_row ? size.ws_row : 24,
		.width = size.ws_xpixel,
		.height = size.ws_ypixel};
}
