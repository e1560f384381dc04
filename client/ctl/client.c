/*
 * Connections of commands to the daemon.
 */
#include "client/ctl/client.h"

#include <errno.h>
#include <limits.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/common/by-name.h"
#include "client/ctl/autostart.h"
#include "client/ctl/exit.h"
#include "client/ctl/message.h"
#include "client/protocol/name.h"
#include "client/protocol/peer.h"
#include "client/protocol/runtime.h"

enum { CONNECT_MS = 10000 };

/* The default socket, as messages call it. */
#define OWN_OR_SYSTEM "your own socket or the system's"

const char *client_requested_socket(const struct options *options)
{
	const char *path = options->values[OPTION_SOCKET];
	if (!path)
		path = secure_getenv("SHMIMG_SOCKET");
	return path && *path ? path : NULL;
}

/* A daemon accepts a connection at once; only requests can take long. */
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
	return client_connect_to(client_requested_socket(options), options, client);
}

/* Another user listens at the socket. The default sockets are tried in their order. */
static int client_print_stranger(const char *path)
{
	char own[PATH_MAX], fault[PEER_FAULT_SIZE];
	uid_t uid;
	if (!path && name_user_socket(own, sizeof(own)) == 0 && peer_find(own, &uid) == 0)
		path = own;
	else if (!path)
		path = SOCKET_SYSTEM;
	if (peer_find(path, &uid) < 0) {
		message_print(
			"the daemon at %s runs as another user, so nothing was sent to it", path);
	} else {
		peer_explain(uid, path, fault, sizeof(fault));
		message_print("%s", fault);
	}
	return EXIT_NO_DAEMON;
}

/* Whether XDG_RUNTIME_DIR is set and ignored. */
static bool client_ignores_folder(void)
{
	char fault[RUNTIME_FAULT_SIZE];
	return !runtime_folder(fault, sizeof(fault)) && *fault;
}

static int client_print_not_connected(const char *path, int result)
{
	if (result == -EPERM)
		return client_print_stranger(path);
	message_print("cannot connect to the daemon at %s: %s; see 'shmimgctl doctor'",
		path ? path : OWN_OR_SYSTEM, strerror(-result));
	return EXIT_NO_DAEMON;
}

static int client_print_not_started(const struct autostart *start)
{
	message_print(
		"no daemon runs at %s, and none could be started: %s", start->path, start->fault);
	return EXIT_NO_DAEMON;
}

/* No daemon runs at the default sockets, and there is no folder for one. */
static int client_print_no_folder(void)
{
	char fault[RUNTIME_FAULT_SIZE];
	runtime_folder(fault, sizeof(fault));
	if (*fault)
		message_print(
			"no daemon runs at " SOCKET_SYSTEM ", and %s. " RUNTIME_ADVICE, fault);
	else
		message_print("XDG_RUNTIME_DIR is not set, so there is no place for a socket. Set "
			      "it, or pass --socket PATH.");
	return EXIT_NO_DAEMON;
}

/* A daemon runs, and has refused the connection. */
static int client_print_too_many(void)
{
	message_print("you have as many connections to the daemon as a user may have; end some of "
		      "your programs that use it, then try again");
	return EXIT_REFUSED;
}

/*
 * Starts a daemon and connects to it. Of several processes that do so at the same time, one starts
 * a daemon.
 */
static int client_open_started(
	const struct options *options, const char *path, shmimg_client **client)
{
	int limit = options->timeout_ms < 0 ? CONNECT_MS : options->timeout_ms;
	struct autostart start = {.path = path, .timeout_ms = limit};
	int lock = autostart_lock(&start);
	if (lock == -EPERM)
		return client_print_not_started(&start);
	/* Another process may have started it in the meantime. */
	int result = client_connect_to(path, options, client);
	if (result == -ENOENT || result == -ECONNREFUSED) {
		int started = autostart_run(&start);
		result = client_connect_to(path, options, client);
		if (result == 0 && started == 0)
			message_print("started shmimgd at %s", path);
	}
	if (lock >= 0)
		close(lock);
	if (result == 0)
		return 0;
	return *start.fault ? client_print_not_started(&start)
			    : client_print_not_connected(path, result);
}

int client_open(const struct options *options, shmimg_client **client)
{
	const char *path = client_requested_socket(options);
	int result = client_connect_to(path, options, client);
	if (result == 0)
		return 0;
	if (result == -EDQUOT)
		return client_print_too_many();
	bool none = result == -ENOENT || result == -ECONNREFUSED;
	if (!none)
		return client_print_not_connected(path, result);
	if (options->values[OPTION_NO_AUTOSTART]) {
		if (!path && client_ignores_folder())
			return client_print_no_folder();
		message_print("no daemon runs at %s; start one, or leave out --no-autostart",
			path ? path : OWN_OR_SYSTEM);
		return EXIT_NO_DAEMON;
	}
	if (path)
		return client_open_started(options, path, client);
	char chosen[PATH_MAX];
	if (name_user_socket(chosen, sizeof(chosen)) == 0)
		return client_open_started(options, chosen, client);
	if (geteuid() == 0 && !client_ignores_folder())
		return client_open_started(options, SOCKET_SYSTEM, client);
	return client_print_no_folder();
}

/* What client_by_name() is given. */
struct client_call {
	client_action action;
	const struct shmimg_options *image;
	void *context;
};

static int client_call_action(shmimg_client *client, const char *name, void *context)
{
	const struct client_call *call = context;
	return call->action(client, name, call->image, call->context);
}

static int client_apply(shmimg_client *client, const struct options *options, const char *typed,
	struct client_call *call)
{
	return options->values[OPTION_EXACT] ? client_call_action(client, typed, call)
					     : by_name(client, typed, client_call_action, call);
}

int client_by_name(shmimg_client *client, const struct options *options, const char *typed,
	client_action action, void *context)
{
	struct client_call call = {action, &options->image, context};
	return client_apply(client, options, typed, &call);
}

int client_by_name_of_any(shmimg_client *client, const struct options *options, const char *typed,
	client_action action, void *context)
{
	int result = client_by_name(client, options, typed, action, context);
	if (options->values[OPTION_OWNER] || result != -ENOENT ||
		strcmp(shmimg_code(client), "not-found") != 0)
		return result;
	struct shmimg_options image = options->image;
	image.owner = SHMIMG_OWNER_ANY;
	struct client_call call = {action, &image, context};
	return client_apply(client, options, typed, &call);
}

void client_print_owner(const char *typed, uid_t owner)
{
	if (owner == geteuid())
		return;
	const struct passwd *user = getpwuid(owner);
	if (user)
		message_print("%s: you have no such image; this one is shared by user %s (%u)",
			typed, user->pw_name, owner);
	else
		message_print(
			"%s: you have no such image; this one is shared by user %u", typed, owner);
}

/* What client_fetch_action() is given. */
struct client_fetching {
	const char *typed;
	const struct options *options;
	shmimg_image **image;
};

static int client_fetch_action(
	shmimg_client *client, const char *name, const struct shmimg_options *image, void *context)
{
	const struct client_fetching *fetching = context;
	int result = shmimg_fetch(client, name, image, fetching->image);
	if (result == 0 && !fetching->options->values[OPTION_OWNER] &&
		image->owner == SHMIMG_OWNER_ANY)
		client_print_owner(fetching->typed, shmimg_owner(*fetching->image));
	return result;
}

int client_fetch(shmimg_client *client, const struct options *options, const char *typed,
	shmimg_image **image)
{
	struct client_fetching fetching = {typed, options, image};
	return client_by_name_of_any(client, options, typed, client_fetch_action, &fetching);
}
