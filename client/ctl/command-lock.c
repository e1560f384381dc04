/*
 * shmimgctl lock: runs a command while this process holds an image's lock. The kernel releases the
 * lock whenever this process ends, and sends the command SIGTERM then.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client/ctl/client.h"
#include "client/ctl/commands.h"
#include "client/ctl/exit.h"
#include "client/ctl/failure.h"
#include "client/ctl/message.h"

static int lock_print_holder(const shmimg_record *record, void *context)
{
	const char *typed = *(const char *const *)context;
	const char *holder = shmimg_record_get(record, "lock");
	if (holder && strcmp(holder, "free") != 0)
		message_print("%s: timeout: process %s holds the lock; try again, or wait longer",
			typed, holder);
	else
		message_print(
			"%s: timeout: another process had the lock; try again, or wait longer",
			typed);
	return 0;
}

/* Returns 0 or the exit code. */
static int lock_take(
	shmimg_client *client, const shmimg_image *image, const struct options *options)
{
	const char *typed = options->operands[0];
	int result = shmimg_lock(image, options->wait_ms);
	if (result == 0)
		return 0;
	if (result == -EAGAIN || result == -ETIMEDOUT) {
		struct shmimg_options which = SHMIMG_OPTIONS_INIT;
		which.owner = shmimg_owner(image);
		if (shmimg_stat(client, shmimg_name(image), &which, lock_print_holder, &typed) == 0)
			return EXIT_REFUSED;
	}
	message_print("%s: cannot lock the image: %s", typed, strerror(-result));
	return EXIT_REFUSED;
}

/* The signals that this process waits for while the command runs. */
static sigset_t lock_watched_signals(void)
{
	static const int numbers[] = {
		SIGCHLD, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGWINCH};
	sigset_t set;
	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
		sigaddset(&set, numbers[i]);
	return set;
}

/* In the child. The command must end when its parent, and with it the lock, is gone. */
static void lock_run_command(char *const *command, const sigset_t *mask, pid_t parent)
{
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		_exit(EXIT_OWN_FAULT);
	sigprocmask(SIG_SETMASK, mask, NULL);
	execvp(command[0], command);
	int error = errno;
	message_print("%s: %s", command[0], strerror(error));
	_exit(error == ENOENT ? EXIT_NOT_THERE : EXIT_NOT_RUN);
}

/*
 * Waits until the command ends, and returns the exit code. Passes on signals that other processes
 * send; the terminal sends its signals to the command itself.
 */
static int lock_wait(pid_t child, const sigset_t *watched)
{
	for (;;) {
		siginfo_t info;
		int status;
		int number = sigwaitinfo(watched, &info);
		if (number < 0 && errno != EINTR)
			return EXIT_OWN_FAULT;
		if (number > 0 && number != SIGCHLD && info.si_code <= 0)
			kill(child, number);
		if (number != SIGCHLD || waitpid(child, &status, WNOHANG) != child)
			continue;
		return WIFSIGNALED(status) ? EXIT_SIGNAL + WTERMSIG(status) : WEXITSTATUS(status);
	}
}

static int lock_run(char *const *command)
{
	sigset_t watched = lock_watched_signals();
	sigset_t before;
	pid_t parent = getpid();
	signal(SIGCHLD, SIG_DFL); /* if it were ignored, the exit code would be lost */
	sigprocmask(SIG_BLOCK, &watched, &before);
	pid_t child = fork();
	if (child == 0)
		lock_run_command(command, &before, parent);
	if (child < 0) {
		message_print("cannot start a process: %s", strerror(errno));
		return EXIT_OWN_FAULT;
	}
	return lock_wait(child, &watched);
}

int command_lock(const struct options *options)
{
	const char *name = options->operands[0];
	shmimg_client *client;
	shmimg_image *image = NULL;
	int code = client_open(options, &client);
	if (code != 0)
		return code;
	int result = client_fetch(client, options, name, &image);
	code = result < 0 ? failure_print_last(name, client, result)
			  : lock_take(client, image, options);
	if (code == 0) {
		code = lock_run(options->operands + 1);
		result = shmimg_unlock(image);
		if (result < 0)
			message_print("%s: the lock was lost while the command ran: %s", name,
				strerror(-result));
	}
	shmimg_unref(image);
	shmimg_close(client);
	return code;
}
