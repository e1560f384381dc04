/*
 * shmimgd(8): reads the options, claims the socket, starts the parts and runs the event loop until
 * SIGTERM or SIGINT.
 */
#include "config.h"

#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#include "daemon/activation.h"
#include "daemon/config/configuration.h"
#include "daemon/engine/engine.h"
#include "daemon/instance.h"
#include "daemon/job/spawn.h"
#include "daemon/log/log.h"
#include "daemon/notify.h"
#include "daemon/reload.h"
#include "daemon/socket/server.h"

enum { EXIT_FAILED = 1, EXIT_USAGE = 2, SOCKET_PATH_SIZE = 108, LARGE = 64 << 10 };

/* The whole process. */
struct program {
	struct command_line line;
	struct configuration configuration;
	char path[SOCKET_PATH_SIZE]; /* of the listening socket: sun_path of unix(7) */
	int given;		     /* the socket from systemd(1), or ACTIVATION_NONE */
	struct instance instance;
	bool left; /* something may be left that only the next daemon can find */
	sd_event *event;
	struct engine engine;
	struct reload reload;
};

/*
 * The soft limit of descriptors is for programs that use select(2); the hard limit is what the
 * administrator permits.
 */
static void main_raise_descriptor_limit(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max < CLOSE_QUEUE_DESCRIPTORS_MAX
					 ? limit.rlim_max
					 : CLOSE_QUEUE_DESCRIPTORS_MAX;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

static int main_add_signals(sd_event *event)
{
	static const int stopping[] = {SIGTERM, SIGINT};
	sigset_t blocked;
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGTERM);
	sigaddset(&blocked, SIGINT);
	sigaddset(&blocked, SIGCHLD);
	sigaddset(&blocked, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &blocked, NULL) < 0)
		return -errno;
	signal(SIGPIPE, SIG_IGN);
	signal(SIGIO, SIG_IGN);	 /* of a broken lease: segment/unlinked.c */
	signal(SIGHUP, SIG_IGN); /* for decoders; here the event loop reads it */
	for (size_t i = 0; i < 2; i++) {
		/* Without a handler, sd-event ends its loop. */
		int r = sd_event_add_signal(event, NULL, stopping[i], NULL, NULL);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Serves until a signal stops the event loop. */
static int main_loop(struct program *program, struct server *server)
{
	struct notify notify;
	int r = reload_start(&program->reload, program->event, &program->line,
		&program->configuration, &program->engine);
	if (r >= 0)
		r = sd_event_set_watchdog(program->event, true);
	if (r >= 0)
		r = notify_start(&notify, program->event, &program->engine);
	if (r >= 0) {
		r = server_run(server);
		notify_stop(&notify);
	}
	reload_stop(&program->reload);
	return r;
}

static int main_serve(struct program *program)
{
	struct server server;
	int listener = program->given;
	if (listener == ACTIVATION_NONE)
		listener = instance_listen(
			program->path, (mode_t)program->configuration.options.socket_mode);
	if (listener < 0) {
		log_error("cannot listen at %s: %s", program->path, strerror(-listener));
		return listener;
	}
	int r = server_start(&server, program->event, &program->engine, listener);
	if (r >= 0) {
		log_write(&(struct log_entry){LOG_ENTRY(NOTICE, STARTED)},
			"version " PACKAGE_VERSION ", listening at %s", program->path);
		r = main_loop(program, &server);
		server_stop(&server);
		log_write(&(struct log_entry){LOG_ENTRY(NOTICE, STOPPED)}, "stopped");
	}
	if (r < 0)
		log_error("cannot serve: %s", strerror(-r));
	if (program->given == ACTIVATION_NONE)
		unlink(program->path);
	return r;
}

static int main_start_engine(struct program *program)
{
	const struct options *options = &program->configuration.options;
	return engine_start(&program->engine, program->event, options, &program->instance.identity,
		options->decoder);
}

/*
 * Another user has taken the name of this identity's board. Nobody can guess a new one in advance.
 * Without the board, nothing that an earlier daemon left can be adopted.
 */
static int main_change_identity(struct program *program)
{
	int r = instance_clean(&program->instance);
	if (r < 0)
		return r;
	program->left = false;
	log_notice("another user has a file with the name of this daemon's board, so the daemon "
		   "takes another identity");
	return instance_renew(&program->instance);
}

static void main_prepare_processes(void)
{
	int r = spawn_prepare();
	if (r < 0)
		log_warning("no thread starts decoders, so they inherit descriptors of the daemon "
			    "until "
			    "exec(2): %s",
			strerror(-r));
}

static int main_run(struct program *program)
{
	const char *decoder = program->configuration.options.decoder;
	program->left = program->instance.inherited;
	if (access(decoder, X_OK) < 0) {
		int r = -errno;
		log_error("the decoder %s cannot be run: %s. Pass --decoder PROGRAM.", decoder,
			strerror(-r));
		return r;
	}
	int r = sd_event_default(&program->event);
	if (r >= 0)
		r = main_add_signals(program->event);
	if (r >= 0)
		main_prepare_processes();
	if (r >= 0)
		r = main_start_engine(program);
	if (r == -EEXIST && main_change_identity(program) == 0)
		r = main_start_engine(program);
	if (r < 0) {
		log_error("cannot start: %s", strerror(-r));
	} else {
		r = main_serve(program);
		program->left = r < 0 && engine_has_images(&program->engine);
		if (program->left)
			engine_leave(&program->engine);
		else
			engine_stop(&program->engine);
	}
	sd_event_unref(program->event);
	return r;
}

/* For a daemon that was killed and will not be started again. */
static int main_clean_up(struct program *program)
{
	int r = instance_clean(&program->instance);
	program->left = r < 0;
	if (r < 0)
		log_error("cannot remove all that the daemon before left: %s", strerror(-r));
	else
		unlink(program->path);
	return r;
}

static int main_claim(struct program *program)
{
	int r = instance_claim(&program->instance, program->path);
	if (r == -EBUSY)
		log_error("another shmimgd serves %s already. Stop it, or pass --socket PATH.",
			program->path);
	else if (r == -EPERM)
		log_error("%s belongs to another user, or is not a lock file. Remove it, or pass "
			  "--socket PATH.",
			program->instance.path);
	else if (r < 0)
		log_error("cannot lock %s: %s", program->instance.path, strerror(-r));
	else if (!instance_folder_is_safe(&program->instance))
		log_warning("other users can replace the socket %s, because they can write to its "
			    "folder",
			program->path);
	return r;
}

/* Claims the socket, and serves it or cleans up after a killed daemon. */
static int main_start(struct program *program)
{
	strcpy(program->path, program->configuration.options.socket);
	main_raise_descriptor_limit();
	/* The memory of a connection goes back to the machine when the connection ends. */
	mallopt(M_MMAP_THRESHOLD, LARGE);
	program->given = activation_take(program->path, sizeof(program->path) - strlen(".lock"));
	if (program->given < 0 && program->given != ACTIVATION_NONE) {
		log_error("systemd passed no listening stream socket with a path, or several and "
			  "none "
			  "with FileDescriptorName=" ACTIVATION_NAME);
		return program->given;
	}
	int r = main_claim(program);
	if (r < 0)
		return r;
	r = program->line.cleanup ? main_clean_up(program) : main_run(program);
	if (program->left)
		instance_leave(&program->instance);
	else
		instance_release(&program->instance);
	return r;
}

static int main_print_config(const struct configuration *configuration)
{
	int r = configuration_print(configuration, stdout);
	if (r < 0)
		log_error("cannot write: %s", strerror(-r));
	return r;
}

int main(int argc, char **argv)
{
	static struct program program;
	int r = command_line_read(&program.line, argc, argv);
	if (r == 0)
		r = configuration_read(&program.configuration, &program.line);
	if (r > 0)
		return 0;
	if (r < 0)
		return r == -EINVAL || r == -ENOENT ? EXIT_USAGE : EXIT_FAILED;
	log_set_level((enum log_level)program.configuration.options.log_level);
	r = program.line.print_config ? main_print_config(&program.configuration)
				      : main_start(&program);
	return r < 0 ? EXIT_FAILED : 0;
}
