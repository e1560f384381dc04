/*
 * O_NONBLOCK belongs to the open file, which other processes use too: a shell, a log collector. So
 * the flag stays as it is, and each write is told not to wait:
 *
 *   - a socket by MSG_DONTWAIT;
 *   - a pipe by RWF_NOWAIT, where the kernel knows it for pipes;
 *   - anything else is asked by poll(2) before. A line is shorter than PIPE_BUF, so a pipe that is
 *     ready takes all of it, unless another process fills it in between.
 *
 * A regular file never waits for a reader. The daemon ignores SIGPIPE.
 */
#include "daemon/log/stream.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

_Static_assert(STREAM_LINE_MAX <= PIPE_BUF, "a ready pipe takes a line");

static bool stream_is_regular(void)
{
	struct stat status;
	return fstat(STDERR_FILENO, &status) == 0 && S_ISREG(status.st_mode);
}

static ssize_t stream_write_if_ready(const char *line, size_t length)
{
	struct pollfd stream = {.fd = STDERR_FILENO, .events = POLLOUT};
	if (poll(&stream, 1, 0) == 1 && stream.revents & POLLOUT)
		return write(STDERR_FILENO, line, length);
	return -1;
}

static ssize_t stream_write_now(char *line, size_t length)
{
	const struct iovec part = {line, length};
	if (stream_is_regular())
		return write(STDERR_FILENO, line, length);
	ssize_t count = send(STDERR_FILENO, line, length, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (count >= 0 || errno == EAGAIN)
		return count;
	count = pwritev2(STDERR_FILENO, &part, 1, -1, RWF_NOWAIT);
	if (count >= 0 || (errno != EOPNOTSUPP && errno != ENOSYS && errno != EINVAL))
		return count;
	return stream_write_if_ready(line, length);
}

bool stream_write(char *line, size_t length)
{
	return stream_write_now(line, length) == (ssize_t)length;
}
