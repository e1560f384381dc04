/*
 * Autostart. The daemon reports READY=1 to a socket of ours, as to systemd's (sd_notify(3)); a
 * pidfd tells when it ends instead, and the last line of its standard error tells why.
 */
#include "client/ctl/autostart.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client/ctl/daemon-find.h"
#include "client/ctl/progress.h"
#include "client/protocol/peer.h"

enum { ALARM_MICROSECONDS = 200000 };

/* A daemon that was started, until it is ready. */
struct launch {
	struct autostart *start;
	int notify;  /* datagram socket for its READY=1 */
	int errors;  /* its standard error */
	int process; /* pidfd */
	pid_t pid;
	char line[256]; /* the last line of its standard error */
	size_t length;
	bool ended; /* the line is complete: the next byte starts a new one */
};

static void autostart_wake(int number)
{
	(void)number;
}

/* Locks a descriptor. A timer interrupts flock(2) again and again, so that the wait has an end. */
static int autostart_lock_within(int fd, int timeout_ms)
{
	const struct itimerval off = {0};
	const struct itimerval often = {
		.it_interval.tv_usec = ALARM_MICROSECONDS, .it_value.tv_usec = ALARM_MICROSECONDS};
	struct sigaction action = {.sa_handler = autostart_wake};
	struct sigaction before;
	double until = progress_clock() + timeout_ms / 1e3;
	sigaction(SIGALRM, &action, &before);
	setitimer(ITIMER_REAL, &often, NULL);
	int result;
	do
		result = flock(fd, LOCK_EX) < 0 ? -errno : 0;
	while (result == -EINTR && progress_clock() < until);
	setitimer(ITIMER_REAL, &off, NULL);
	sigaction(SIGALRM, &before, NULL);
	return result;
}

/* Splits the last part off a path. The folder is "." or "/" if nothing is left of it. */
static void autostart_split(
	const char *path, char folder[PATH_MAX], const char **last, size_t *length)
{
	size_t end = strnlen(path, PATH_MAX - 1);
	while (end > 0 && path[end - 1] == '/')
		end--;
	size_t start = end;
	while (start > 0 && path[start - 1] != '/')
		start--;
	*last = path + start;
	*length = end - start;
	snprintf(folder, PATH_MAX, "%.*s", start > 1 ? (int)start - 1 : 1,
		start > 0 || path[0] == '/' ? path : ".");
}

/* Whether a folder is this user's or root's. If not, sets fault and returns -EPERM. */
static int autostart_check_owner(struct autostart *start, int fd, const char *folder)
{
	struct stat status;
	if (fstat(fd, &status) < 0)
		return -errno;
	if (status.st_uid == geteuid() || status.st_uid == 0 || status.st_uid == peer_root())
		return 0;
	snprintf(start->fault, sizeof(start->fault), "%.400s belongs to another user (uid %u)",
		folder, status.st_uid);
	return -EPERM;
}

/* Makes the socket's folder, unless it is there, in its parent, and opens it. */
static int autostart_make_folder(
	struct autostart *start, int parent, const char *name, const char *folder)
{
	if (mkdirat(parent, name, geteuid() == 0 ? 0755 : 0700) < 0 && errno != EEXIST)
		return -errno;
	int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat status;
	if (fd >= 0 || fstatat(parent, name, &status, AT_SYMLINK_NOFOLLOW) < 0 ||
		!S_ISLNK(status.st_mode))
		return fd >= 0 ? fd : -errno;
	snprintf(start->fault, sizeof(start->fault),
		"%.400s is a symbolic link; name the folder that it leads to", folder);
	return -EPERM;
}

/* Opens the socket's folder, which is made if only it is missing. */
static int autostart_open_folder(struct autostart *start)
{
	char folder[PATH_MAX], above[PATH_MAX], name[NAME_MAX + 1];
	const char *last;
	size_t length;
	autostart_split(start->path, folder, &last, &length);
	autostart_split(folder, above, &last, &length);
	/* "/" and "." have no name in a folder above them; they are there. */
	snprintf(name, sizeof(name), "%.*s", length ? (int)length : 1, length ? last : ".");
	int parent = open(above, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (parent < 0)
		return -errno;
	int result = autostart_check_owner(start, parent, above);
	if (result == 0)
		result = autostart_make_folder(start, parent, name, folder);
	close(parent);
	if (result < 0)
		return result;
	int fd = result;
	result = autostart_check_owner(start, fd, folder);
	if (result == 0)
		return fd;
	close(fd);
	return result;
}

/* Locks the socket's folder, so that no lock file is left behind. */
int autostart_lock(struct autostart *start)
{
	int fd = autostart_open_folder(start);
	if (fd < 0)
		return fd;
	int result = autostart_lock_within(fd, start->timeout_ms);
	if (result == 0)
		return fd;
	close(fd);
	return result;
}

/* Binds the socket to an abstract name of the kernel's choice and puts it in *name. */
static int autostart_open_notify(char *name, size_t size)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	socklen_t length = sizeof(address);
	int on = 1;
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (bind(fd, (struct sockaddr *)&address, sizeof(sa_family_t)) == 0 &&
		setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) == 0 &&
		getsockname(fd, (struct sockaddr *)&address, &length) == 0) {
		int bytes = (int)(length - offsetof(struct sockaddr_un, sun_path) - 1);
		snprintf(name, size, "@%.*s", bytes, address.sun_path + 1);
		return fd;
	}
	int result = -errno;
	close(fd);
	return result;
}

/* In the child: drops what the daemon must not inherit from the caller of shmimgctl. */
static void autostart_detach(int errors)
{
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	/* Later nothing reads its standard error; writing there must not end the daemon. */
	signal(SIGPIPE, SIG_IGN);
	setsid();
	int null = open("/dev/null", O_RDWR);
	dup2(null, STDIN_FILENO);
	dup2(null, STDOUT_FILENO);
	dup2(errors, STDERR_FILENO);
	close_range(STDERR_FILENO + 1, ~0u, 0);
	if (chdir("/") < 0)
		_exit(127);
}

static void autostart_run_daemon(
	const char *program, const char *path, const char *notify, int errors)
{
	static const char *const foreign[] = {
		"LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES", "WATCHDOG_PID", "WATCHDOG_USEC"};
	for (size_t i = 0; i < sizeof(foreign) / sizeof(*foreign); i++)
		unsetenv(foreign[i]);
	setenv("NOTIFY_SOCKET", notify, 1);
	autostart_detach(errors);
	execlp(program, "shmimgd", "--socket", path, NULL);
	dprintf(STDERR_FILENO, "cannot run %s: %s\n", program, strerror(errno));
	_exit(127);
}

/* The daemon runs in "/", where a relative path would mean something else. */
static int autostart_make_absolute(const char *path, char *out, size_t size)
{
	char folder[PATH_MAX] = "";
	if (path[0] != '/' && !getcwd(folder, sizeof(folder)))
		return -errno;
	int length = snprintf(out, size, "%s%s%s", folder, path[0] == '/' ? "" : "/", path);
	return length < 0 || (size_t)length >= size ? -ENAMETOOLONG : 0;
}

static int autostart_spawn(struct launch *launch)
{
	char program[PATH_MAX];
	char notify[64];
	char path[PATH_MAX];
	int pipes[2];
	int result = autostart_make_absolute(launch->start->path, path, sizeof(path));
	if (result < 0)
		return result;
	daemon_find(program, sizeof(program));
	launch->notify = autostart_open_notify(notify, sizeof(notify));
	if (launch->notify < 0)
		return launch->notify;
	if (pipe2(pipes, O_CLOEXEC) < 0)
		return -errno;
	launch->errors = pipes[0];
	launch->pid = fork();
	if (launch->pid == 0)
		autostart_run_daemon(program, path, notify, pipes[1]);
	result = launch->pid < 0 ? -errno : 0;
	close(pipes[1]);
	if (result < 0)
		return result;
	launch->process = pidfd_open(launch->pid, 0);
	return launch->process < 0 ? -errno : 0;
}

/* Keeps the last line of the daemon's standard error. Returns whether there may be more. */
static bool autostart_read_errors(struct launch *launch)
{
	char bytes[512];
	ssize_t count = read(launch->errors, bytes, sizeof(bytes));
	for (ssize_t i = 0; i < count; i++) {
		if (bytes[i] == '\n') {
			launch->ended = true;
			continue;
		}
		if (launch->ended)
			launch->length = 0;
		launch->ended = false;
		if (launch->length + 1 < sizeof(launch->line))
			launch->line[launch->length++] = bytes[i];
		launch->line[launch->length] = '\0';
	}
	return count > 0;
}

static bool autostart_has_line(const char *text, const char *wanted)
{
	size_t length = strlen(wanted);
	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, wanted, length) == 0 && (!line[length] || line[length] == '\n'))
			return true;
	}
	return false;
}

/* Whether this is READY=1 from a daemon of this user: every user can write to the socket. */
static bool autostart_read_ready(struct launch *launch)
{
	char text[4096];
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(struct ucred))];
	} control;
	struct iovec part = {text, sizeof(text) - 1};
	struct msghdr message = {.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control)};
	ssize_t count = recvmsg(launch->notify, &message, MSG_CMSG_CLOEXEC);
	if (count < 0)
		return false;
	text[count] = '\0';
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	if (!header || header->cmsg_type != SCM_CREDENTIALS)
		return false;
	struct ucred sender;
	memcpy(&sender, CMSG_DATA(header), sizeof(sender));
	return (sender.uid == geteuid() || sender.uid == 0) && autostart_has_line(text, "READY=1");
}

/* Sets fault for a daemon that ended before it was ready. */
static int autostart_explain_end(struct launch *launch)
{
	int status = 0;
	fcntl(launch->errors, F_SETFL, O_NONBLOCK);
	while (autostart_read_errors(launch)) {
	}
	waitpid(launch->pid, &status, 0);
	char *fault = launch->start->fault;
	if (launch->length)
		snprintf(fault, AUTOSTART_FAULT_SIZE, "%s", launch->line);
	else if (WIFSIGNALED(status))
		snprintf(fault, AUTOSTART_FAULT_SIZE, "signal %d ended it", WTERMSIG(status));
	else
		snprintf(fault, AUTOSTART_FAULT_SIZE, "it ended with exit status %d",
			WEXITSTATUS(status));
	return -ECHILD;
}

/* Waits for one event. Returns 1 to go on, 0 when the daemon is ready, or a negative errno. */
static int autostart_await(struct launch *launch, double until)
{
	struct pollfd events[] = {{launch->notify, POLLIN, 0}, {launch->process, POLLIN, 0},
		{launch->errors, POLLIN, 0}};
	double left = until - progress_clock();
	int count = poll(events, 3, left > 0 ? (int)(left * 1e3) + 1 : 0);
	if (count < 0)
		return errno == EINTR ? 1 : -errno;
	if (count == 0) {
		kill(launch->pid, SIGTERM);
		snprintf(launch->start->fault, AUTOSTART_FAULT_SIZE,
			"it was not ready in time; a longer --timeout may help");
		return -ETIMEDOUT;
	}
	if (events[0].revents && autostart_read_ready(launch))
		return 0;
	if (events[1].revents)
		return autostart_explain_end(launch);
	if (events[2].revents && !autostart_read_errors(launch)) {
		close(launch->errors);
		launch->errors = -1;
	}
	return 1;
}

static void autostart_close_open(int fd)
{
	if (fd >= 0)
		close(fd);
}

int autostart_run(struct autostart *start)
{
	struct launch launch = {.start = start, .notify = -1, .errors = -1, .process = -1};
	double until = progress_clock() + start->timeout_ms / 1e3;
	int result = autostart_spawn(&launch);
	if (result < 0)
		snprintf(start->fault, sizeof(start->fault), "%s", strerror(-result));
	else
		do
			result = autostart_await(&launch, until);
		while (result > 0);
	autostart_close_open(launch.notify);
	autostart_close_open(launch.errors);
	autostart_close_open(launch.process);
	return result;
}
