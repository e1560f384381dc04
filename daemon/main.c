/*
 * shmimgd(8): reads its options, claims its socket, wires the parts together and runs the
 * event loop until it is told to stop.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#include "daemon/engine.h"
#include "daemon/instance.h"
#include "daemon/log.h"
#include "daemon/options.h"
#include "daemon/server.h"

enum { EXIT_FAILED = 1, EXIT_USAGE = 2, NO_LISTENER = -4096 };

/* As many connections as the administrator permits: the soft limit is for select(2). */
static void raise_descriptor_limit(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

/* Looks for the decoder relative to this program, as installed and as built. */
static const char *find_decoder(char path[PATH_MAX])
{
	static const char *const places[] = {
		"decoder/shmimg-decoder", "../libexec/" PACKAGE "/shmimg-decoder"};
	char folder[PATH_MAX - 64];
	ssize_t length = readlink("/proc/self/exe", folder, sizeof(folder) - 1);
	char *slash = NULL;
	if (length > 0) {
		folder[length] = '\0';
		slash = strrchr(folder, '/');
	}
	for (size_t i = 0; slash && i < sizeof(places) / sizeof(places[0]); i++) {
		*slash = '\0';
		snprintf(path, PATH_MAX, "%s/%s", folder, places[i]);
		if (access(path, X_OK) == 0)
			return path;
	}
	return DECODER;
}

/*
 * Takes the socket that systemd(1) gives, whatever its path, as the one to serve.
 * Returns it, NO_LISTENER, or a negative errno.
 */
static int take_given_listener(struct options *options)
{
	struct sockaddr_un address = {0};
	socklen_t size = sizeof(address);
	int count = sd_listen_fds(1);
	if (count <= 0)
		return count < 0 ? count : NO_LISTENER;
	if (count > 1 || sd_is_socket_unix(SD_LISTEN_FDS_START, SOCK_STREAM, 1, NULL, 0) <= 0 ||
		getsockname(SD_LISTEN_FDS_START, (struct sockaddr *)&address, &size) < 0 ||
		address.sun_path[0] != '/')
		return -EINVAL;
	snprintf(options->socket, sizeof(options->socket), "%.*s", (int)sizeof(options->socket) - 1,
		address.sun_path);
	if (fcntl(SD_LISTEN_FDS_START, F_SETFL, O_NONBLOCK) < 0)
		return -errno;
	return SD_LISTEN_FDS_START;
}

static int add_signals(sd_event *event)
{
	static const int stopping[] = {SIGTERM, SIGINT};
	sigset_t blocked;
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGTERM);
	sigaddset(&blocked, SIGINT);
	sigaddset(&blocked, SIGCHLD);
	if (sigprocmask(SIG_BLOCK, &blocked, NULL) < 0)
		return -errno;
	signal(SIGPIPE, SIG_IGN);
	signal(SIGHUP, SIG_IGN); /* the end of a terminal is not the end of a daemon */
	for (size_t i = 0; i < 2; i++) {
		/* Without a handler, sd-event ends its loop. */
		int r = sd_event_add_signal(event, NULL, stopping[i], NULL, NULL);
		if (r < 0)
			return r;
	}
	return 0;
}

static int serve(sd_event *event, const struct options *options, struct engine *engine, int given)
{
	struct server server;
	int listener = given;
	if (given == NO_LISTENER)
		listener = instance_listen(options->socket, options->socket_mode);
	if (listener < 0) {
		log_error("cannot listen at %s: %s", options->socket, strerror(-listener));
		return listener;
	}
	int r = server_start(&server, event, engine, listener);
	if (r >= 0) {
		log_notice("version " PACKAGE_VERSION ", listening at %s", options->socket);
		sd_notify(0, "READY=1");
		r = sd_event_loop(event);
		sd_notify(0, "STOPPING=1");
		server_stop(&server);
	}
	if (given == NO_LISTENER)
		unlink(options->socket);
	return r;
}

static int run(const struct options *options, struct instance *instance, int listener)
{
	char path[PATH_MAX];
	struct engine engine;
	sd_event *event = NULL;
	const char *decoder = options->decoder ? options->decoder : find_decoder(path);
	if (access(decoder, X_OK) < 0) {
		int r = -errno;
		log_error("the decoder %s cannot be used: %s", decoder, strerror(-r));
		return r;
	}
	int r = sd_event_default(&event);
	if (r >= 0)
		r = add_signals(event);
	if (r >= 0)
		r = engine_start(&engine, event, options, instance->id, decoder);
	if (r == -EEXIST && instance_renew(instance) == 0)
		r = engine_start(&engine, event, options, instance->id, decoder);
	if (r < 0) {
		log_error("cannot start: %s", strerror(-r));
	} else {
		r = serve(event, options, &engine, listener);
		engine_stop(&engine);
	}
	sd_event_unref(event);
	return r;
}

/* For a socket whose daemon was killed, and will not be started again. */
static void clean_up(const struct options *options, const struct instance *instance)
{
	instance_clean(instance);
	unlink(options->socket);
}

int main(int argc, char **argv)
{
	struct options options;
	struct instance instance;
	int r = options_read(&options, argc, argv);
	if (r != 0)
		return r > 0 ? 0 : EXIT_USAGE;
	raise_descriptor_limit();
	int listener = take_given_listener(&options);
	if (listener < 0 && listener != NO_LISTENER) {
		log_error("what was given to listen on is not one stream socket with a path");
		return EXIT_FAILED;
	}
	r = instance_claim(&instance, options.socket);
	if (r == -EBUSY)
		log_error("another shmimgd serves %s already", options.socket);
	else if (r < 0)
		log_error("cannot lock %s: %s", instance.path, strerror(-r));
	if (r < 0)
		return EXIT_FAILED;
	if (options.cleanup)
		clean_up(&options, &instance);
	else
		r = run(&options, &instance, listener);
	instance_release(&instance);
	return r < 0 ? EXIT_FAILED : 0;
}
