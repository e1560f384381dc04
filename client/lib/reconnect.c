/*
 * Reconnects to the next daemon.
 *
 * No event tells that a daemon begins to listen: inotify(7) reports the socket's bind(2), which
 * comes before listen(2), and reports nothing if the folder is new too or if the socket stays, as
 * systemd's does. So this tries connect(2) again after a short delay, then after longer ones:
 * ten times a second, which costs nothing, and which a user does not notice.
 */
#include "client/lib/reconnect.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "client/lib/exchange.h"
#include "client/lib/handshake.h"
#include "client/lib/image-reply.h"
#include "client/lib/internal-request.h"
#include "client/lib/options.h"
#include "client/lib/release.h"
#include "client/protocol/name.h"
#include "client/protocol/peer.h"

/* Milliseconds from one try to the next. */
enum { DELAY_FIRST = 1, DELAY_MAX = 100 };

/* Milliseconds to wait for a daemon, if the call has no timeout. */
enum { RECONNECT_MS = 5000 };

/* Sleeps until the next try. Returns false if there is no time left. */
static bool reconnect_pause(struct shmimg_client *client, deadline patience, int *delay)
{
	int left = deadline_poll(patience);
	if (left == 0)
		return false;
	deadline end = deadline_after(*delay < left ? *delay : left);
	struct call *call = client_unlock(client);
	while (poll(NULL, 0, deadline_poll(end)) < 0 && errno == EINTR)
		;
	client_lock(client, call);
	*delay = 2 * *delay < DELAY_MAX ? 2 * *delay : DELAY_MAX;
	return true;
}

/* A copy of a pin that is to be taken again: another thread may release it meanwhile. */
struct lost_pin {
	struct pinned what;
	uid_t owner;
	char name[NAME_LENGTH_MAX + 1];
};

static void reconnect_forget(struct shmimg_client *client, const struct lost_pin *lost)
{
	struct pin *pin = pins_find(&client->pins, &lost->what);
	if (pin)
		pins_forget(&client->pins, pin);
}

/* Releases the pin on a newer generation, which the caller did not ask for. */
static int reconnect_release_newer(
	struct shmimg_client *client, const struct lost_pin *lost, const struct pinned *what)
{
	int r = release(client, lost->name, lost->owner, what);
	return client->state == CLIENT_OPEN && *client->call->failure.code ? 0 : r;
}

/*
 * Compares the rendition that was pinned now with the pin that was to be taken again: the same;
 * one of another pin of this client; or a new one, which is released.
 */
static int reconnect_compare_pin(
	struct shmimg_client *client, const struct lost_pin *lost, const struct image_reply *reply)
{
	struct pinned what = image_reply_pinned(reply);
	struct pin *found = pins_find(&client->pins, &what);
	if (found)
		pins_hold(&client->pins, found);
	if (found && found == pins_find(&client->pins, &lost->what))
		return 0;
	int r = found ? 0 : reconnect_release_newer(client, lost, &what);
	if (r == 0)
		reconnect_forget(client, lost);
	return r;
}

/* Takes a pin again. If the daemon does not have the image any more, the pin is removed. */
static int reconnect_pin_again(struct shmimg_client *client, const struct pin *pin)
{
	struct lost_pin lost = {.what = pin->what, .owner = pin->owner};
	snprintf(lost.name, sizeof(lost.name), "%s", pin->name);
	struct wire_writer writer;
	struct image_reply reply;
	client->call->failure.code = "";
	internal_request_begin(client, &writer, "FETCH");
	wire_add(&writer, "name", lost.name);
	wire_add_number(&writer, "owner", lost.owner);
	wire_add(&writer, "format", format_to_string((enum format)lost.what.format));
	options_add_box(lost.what.size, &writer);
	int r = internal_request_run(client, &writer);
	if (client->state == CLIENT_OPEN && *client->call->failure.code) {
		reconnect_forget(client, &lost);
		return 0;
	}
	if (r < 0)
		return r;
	const char *key = image_reply_read(&client->call->reply, lost.name, &reply);
	if (key || reply.format != lost.what.format)
		return client_lose(client, -EPROTO,
			"the daemon's reply has no valid %s=", key ? key : "format");
	return reconnect_compare_pin(client, &lost, &reply);
}

/* From the last to the first, because removing a pin moves those behind it. */
static int reconnect_pin_all(struct shmimg_client *client)
{
	struct pins *pins = &client->pins;
	deadline until = deadline_midway(client->call->end);
	int r = 0;
	for (size_t i = pins->count; r == 0 && pins->missing && i-- > 0;) {
		if (deadline_poll(until) == 0)
			break;
		if (i < pins->count && !pins->all[i]->held)
			r = reconnect_pin_again(client, pins->all[i]);
	}
	return r;
}

/* Sets the message for a daemon that cannot be connected to, or that another user has started. */
static int reconnect_fail(struct shmimg_client *client, int error)
{
	struct channel *channel = &client->channel;
	const char *path = channel->address.sun_path;
	char fault[PEER_FAULT_SIZE];
	if (error != -EPERM)
		return client_fail(client, error, "no daemon at %s: %s", path, strerror(-error));
	peer_explain(channel->stranger, path, fault, sizeof(fault));
	return client_fail(client, error, "%s", fault);
}

/* Connects while other threads may use the client; nothing else uses the channel. */
static int reconnect_open(struct shmimg_client *client)
{
	struct channel *channel = &client->channel;
	struct call *call = client_unlock(client);
	int r = channel_open(channel, channel->address.sun_path, call->end);
	client_lock(client, call);
	return r;
}

static int reconnect_try(struct shmimg_client *client)
{
	int r = 0;
	if (client->state != CLIENT_OPEN) {
		r = exchange_settle(client);
		if (r == 0)
			r = reconnect_open(client);
		if (r < 0)
			return reconnect_fail(client, r);
		r = handshake(client);
	}
	return r < 0 ? r : reconnect_pin_all(client);
}

/* -EACCES: a new daemon sets the mode of its socket after bind(2). */
static bool reconnect_may_retry(const struct shmimg_client *client, int error)
{
	return !*client->call->failure.code && client->state == CLIENT_LOST &&
	       (error == -ENOENT || error == -ECONNREFUSED || error == -ECONNRESET ||
		       error == -EACCES);
}

static int reconnect_alone(struct shmimg_client *client, bool patient)
{
	if (client->state == CLIENT_BROKEN)
		return client_fail(
			client, -EPROTO, "the daemon violated the protocol; use a new client");
	if (client->state == CLIENT_OPEN && client->pins.missing == 0)
		return 0;
	struct client_failure before = client->call->failure;
	deadline patience = client->call->end;
	if (patience == DEADLINE_NEVER)
		patience = deadline_after(RECONNECT_MS);
	int delay = DELAY_FIRST;
	int r;
	do
		r = reconnect_try(client);
	while (reconnect_may_retry(client, r) && patient &&
		reconnect_pause(client, patience, &delay));
	if (r == 0)
		client->call->failure = before;
	/* -ENOENT would look like an image or a file that does not exist. */
	return r == -ENOENT ? -ECONNREFUSED : r;
}

int reconnect(struct shmimg_client *client, bool patient)
{
	struct call *call = client->call;
	while (client->exclusive && client->exclusive != call) {
		if (client_sleep(client, call->end) < 0)
			return client_fail(client, -ETIMEDOUT,
				"another thread was still connecting when the time was over");
	}
	client->exclusive = call;
	int r = reconnect_alone(client, patient);
	client->exclusive = NULL;
	pthread_cond_broadcast(&client->changed);
	return r;
}
