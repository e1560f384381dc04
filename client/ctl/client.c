/*
 * The way to the daemon.
 */
#include "client/ctl/client.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/ctl/autostart.h"
#include "client/ctl/exit.h"
#include "client/ctl/message.h"
#include "client/protocol/name.h"

enum { CONNECT_MS = 10000 };

const char *client_wanted_socket(const struct options *options)
{
	const char *path = options->values[OPTION_SOCKET];
	if (!path)
		path = secure_getenv("SHMIMG_SOCKET");
	return path && *path ? path : NULL;
}

/* A daemon answers at once: only what it is asked later may take long. */
static int client_connect_to(
	const char *path, const struct options *options, shmimg_client **client)
{
	int limit = options->timeout_ms < 0 ? CONNECT_MS : options->timeout_ms;
	int result = shmimg_connect(client, path, limit);
	if (result == 0)
		shmimg_set_timeout(*client, options->timeout_ms);
	return result;
}

int client_open_again(const struct options *options, shmimg_client **client)
{
	return client_connect_to(client_wanted_socket(options), options, client);
}

static int client_say_no_daemon(const char *path, const char *why)
{
	message_print(
		"no daemon at %s: %s", path ? path : "the user's or the system's socket", why);
	return EXIT_NO_DAEMON;
}

/* There is a daemon, and it has said no. */
static int client_say_too_many(void)
{
	message_print("this user has as many connections to the daemon as one may have");
	return EXIT_REFUSED;
}

/* Starts a daemon with nobody else doing so at the same time, and connects to it. */
static int client_open_started(
	const struct options *options, const char *path, shmimg_client **client)
{
	int limit = options->timeout_ms < 0 ? CONNECT_MS : options->timeout_ms;
	struct autostart start = {.path = path, .timeout_ms = limit};
	int gate = autostart_enter(path, limit);
	int result = client_connect_to(
		path, options, client); /* whoever was first may have started it */
	if (result == -ENOENT || result == -ECONNREFUSED) {
		int started = autostart_run(&start);
		result = client_connect_to(path, options, client);
		if (result == 0 && started == 0)
			message_print("started shmimgd at %s", path);
	}
	if (gate >= 0)
		close(gate);
	if (result == 0)
		return 0;
	return client_say_no_daemon(path, *start.fault ? start.fault : strerror(-result));
}

int client_open(const struct options *options, shmimg_client **client)
{
	const char *path = client_wanted_socket(options);
	int result = client_connect_to(path, options, client);
	if (result == 0)
		return 0;
	if (result == -EDQUOT)
		return client_say_too_many();
	bool none = result == -ENOENT || result == -ECONNREFUSED;
	if (!none || options->values[OPTION_NO_AUTOSTART])
		return client_say_no_daemon(path, strerror(-result));
	if (path)
		return client_open_started(options, path, client);
	char chosen[PATH_MAX];
	if (name_user_socket(chosen, sizeof(chosen)) == 0)
		return client_open_started(options, chosen, client);
	if (geteuid() == 0)
		return client_open_started(options, SOCKET_SYSTEM, client);
	message_print("no daemon runs, and none can be started where XDG_RUNTIME_DIR does not say: "
		      "give --socket PATH");
	return EXIT_NO_DAEMON;
}

int client_by_name(shmimg_client *client, const struct options *options, const char *typed,
	client_action action, void *context)
{
	char name[NAME_LENGTH_MAX + 1];
	if (!options->values[OPTION_EXACT] && shmimg_name_of_path(typed, name, sizeof(name)) == 0 &&
		strcmp(name, typed) != 0) {
		int result = action(client, name, &options->image, context);
		if (result != -ENOENT || strcmp(shmimg_code(client), "not-found") != 0)
			return result;
	}
	return action(client, typed, &options->image, context);
}
