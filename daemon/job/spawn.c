/*
 * A process starts with a copy of its parent's table of descriptors, and exec(2) closes all that
 * are close-on-exec. The daemon has descriptors of clients' files, and closing such a descriptor
 * can wait for the file's server, for ever. So a thread starts the processes. It has a table of
 * its own (unshare(2), CLONE_FILES) with the standard descriptors and a channel alone; over the
 * channel the daemon sends it the descriptor that the next process gets.
 */
#include "daemon/job/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client/protocol/fdpass.h"
#include "daemon/base/cleanup.h"
#include "daemon/job/job.h"

enum {
	END_TIMEOUT_MSEC = 2000,
	SPAWNER_CHANNEL = 3, /* in the thread's table */
};

/* The thread that starts processes; one process is started at a time. */
static struct {
	int channel; /* 0: there is no thread */
	const char *program;
	int result;
	pid_t pid;
	sem_t done; /* the thread has set result */
} spawner;

static int spawn_set_attributes(posix_spawnattr_t *attributes)
{
	sigset_t none, usual;
	sigemptyset(&none);
	sigemptyset(&usual);
	sigaddset(&usual, SIGPIPE);
	int r = posix_spawnattr_setsigmask(attributes, &none);
	if (r == 0)
		r = posix_spawnattr_setsigdefault(attributes, &usual);
	if (r == 0)
		r = posix_spawnattr_setflags(attributes,
			POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSID);
	return r;
}

static int spawn_set_descriptors(posix_spawn_file_actions_t *actions, int channel)
{
	int r = posix_spawn_file_actions_addopen(actions, 0, "/dev/null", O_RDONLY, 0);
	if (r == 0)
		r = posix_spawn_file_actions_addopen(actions, 1, "/dev/null", O_WRONLY, 0);
	if (r == 0)
		r = posix_spawn_file_actions_adddup2(actions, channel, JOB_CHANNEL);
	return r;
}

static int spawn_program(const char *program, int channel, pid_t *pid)
{
	char name[] = "shmimg-decoder", locale[] = "LC_ALL=C";
	char *const arguments[] = {name, NULL};
	char *const environment[] = {locale, NULL};
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	int r = posix_spawn_file_actions_init(&actions);
	if (r)
		return -r;
	r = posix_spawnattr_init(&attributes);
	if (r)
		goto without_attributes;
	r = spawn_set_attributes(&attributes);
	if (r == 0)
		r = spawn_set_descriptors(&actions, channel);
	if (r == 0)
		r = posix_spawn(pid, program, &actions, &attributes, arguments, environment);
	posix_spawnattr_destroy(&attributes);
without_attributes:
	posix_spawn_file_actions_destroy(&actions);
	return -r;
}

/* Receives the far end of the next process's channel. Returns -1 if the descriptor was lost. */
static int spawn_receive_end(void)
{
	char byte;
	int fd;
	struct fdpass_message message = {
		.bytes = &byte, .size = sizeof(byte), .fds = &fd, .fds_max = 1};
	while (fdpass_receive(SPAWNER_CHANNEL, &message, 0) < 0) {
	}
	return fdpass_keep_first(&message);
}

/* close_range(2) may be missing or forbidden; unshare(2) and closefrom(3) do the same. */
static int spawn_leave_table(int channel)
{
	unsigned after = (unsigned)channel + 1;
	if (close_range(after, ~0U, CLOSE_RANGE_UNSHARE) < 0 && unshare(CLONE_FILES) < 0)
		return -errno;
	if (channel != SPAWNER_CHANNEL && dup3(channel, SPAWNER_CHANNEL, O_CLOEXEC) < 0)
		return -errno;
	closefrom(SPAWNER_CHANNEL + 1);
	return 0;
}

static void *spawn_run_thread(void *channel)
{
	int result = spawn_leave_table(*(const int *)channel);
	spawner.result = result;
	sem_post(&spawner.done); /* channel is gone now */
	while (result == 0) {
		OWN_FD int far = spawn_receive_end();
		spawner.result =
			far < 0 ? -EMFILE : spawn_program(spawner.program, far, &spawner.pid);
		sem_post(&spawner.done);
	}
	return NULL;
}

static int spawn_create_thread(int *channel)
{
	pthread_attr_t attributes;
	pthread_t thread;
	sigset_t all;
	int r = pthread_attr_init(&attributes);
	if (r)
		return -r;
	sigfillset(&all);
	r = pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	if (r == 0)
		r = pthread_attr_setsigmask_np(&attributes, &all);
	if (r == 0)
		r = pthread_create(&thread, &attributes, spawn_run_thread, channel);
	pthread_attr_destroy(&attributes);
	return -r;
}

static int spawn_await_result(void)
{
	while (sem_wait(&spawner.done) < 0) {
	}
	return spawner.result;
}

int spawn_prepare(void)
{
	int ends[2];
	if (spawner.channel > 0)
		return 0;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return -errno;
	OWN_FD int near = ends[0];
	OWN_FD int far = ends[1];
	sem_init(&spawner.done, 0, 0);
	int r = spawn_create_thread(&far);
	if (r == 0)
		r = spawn_await_result();
	if (r == 0)
		spawner.channel = take_fd(&near);
	return r;
}

/* Starts a process from the thread, if there is one. */
static int spawn_request(const char *program, int channel, pid_t *pid)
{
	if (spawner.channel == 0)
		return spawn_program(program, channel, pid);
	spawner.program = program;
	ssize_t sent = fdpass_send(spawner.channel, "", 1, channel, 0);
	if (sent < 0)
		return (int)sent;
	int r = spawn_await_result();
	*pid = spawner.pid;
	return r;
}

int spawn_start(const char *program, int *channel, pid_t *pid)
{
	int ends[2];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return -errno;
	OWN_FD int near = ends[0];
	OWN_FD int far = ends[1];
	if (fcntl(near, F_SETFL, O_NONBLOCK) < 0)
		return -errno;
	int r = spawn_request(program, far, pid);
	if (r == 0)
		*channel = take_fd(&near);
	return r;
}

void spawn_end(pid_t pid)
{
	OWN_FD int handle = (int)syscall(SYS_pidfd_open, pid, 0);
	kill(pid, SIGKILL);
	if (handle >= 0)
		poll(&(struct pollfd){.fd = handle, .events = POLLIN}, 1, END_TIMEOUT_MSEC);
	waitpid(pid, NULL, handle >= 0 ? WNOHANG : 0);
}
