/*
 * The next daemon.
 */
#include "client/lib/reconnect.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#include "client/lib/handshake.h"
#include "client/lib/image-reply.h"
#include "client/lib/internal-request.h"
#include "client/lib/options.h"
#include "client/lib/release.h"

/*
 * Milliseconds. That a daemon begins to listen is no event that others could wait for:
 * inotify(7) tells of the socket's bind(2), which comes before listen(2), and of nothing at
 * all when the folder is new as well or the socket stays (as that of systemd does). So this
 * waits for a short time, then for longer ones, which a user does not feel and which cost
 * nothing: ten connect(2) in a second.
 */
enum { DELAY_FIRST = 1, DELAY_MAX = 100 };

/* Milliseconds in which a daemon is back if it will be: for callers who would wait for ever. */
enum { RECONNECT_MS = 5000 };

/* Lets some time pass, unless there is none. */
static bool reconnect_pause(deadline patience, int *delay)
{
	int left = deadline_poll(patience);
	if (left == 0)
		return false;
	deadline end = deadline_after(*delay < left ? *delay : left);
	while (poll(NULL, 0, deadline_poll(end)) < 0 && errno == EINTR)
		;
	*delay = 2 * *delay < DELAY_MAX ? 2 * *delay : DELAY_MAX;
	return true;
}

/* Of a name that has a newer generation by now, which nobody asked for. */
static int reconnect_release_newer(
	struct shmimg_client *client, const struct pin *pin, const struct pinned *what)
{
	int r = release(client, pin->name, pin->owner, what);
	return client->state == CLIENT_OPEN && *client->failure.code ? 0 : r;
}

/* Sees what was pinned in place of a pin: the same, another one of ours, or a stranger. */
static int reconnect_compare_pin(
	struct shmimg_client *client, struct pin *pin, const struct image_reply *reply)
{
	struct pinned what = image_reply_pinned(reply);
	struct pin *found = pins_find(&client->pins, &what);
	if (found)
		pins_hold(&client->pins, found);
	if (found == pin)
		return 0;
	int r = found ? 0 : reconnect_release_newer(client, pin, &what);
	if (r == 0)
		pins_forget(&client->pins, pin);
	return r;
}

/* Takes a pin again. What the daemon does not have any more is simply not pinned. */
static int reconnect_pin_again(struct shmimg_client *client, struct pin *pin)
{
	struct wire_writer writer;
	struct image_reply reply;
	client->failure.code = "";
	internal_request_begin(client, &writer, "FETCH");
	wire_add(&writer, "name", pin->name);
	wire_add_number(&writer, "owner", pin->owner);
	wire_add(&writer, "format", format_to_string((enum format)pin->what.format));
	options_add_box(pin->what.size, &writer);
	int r = internal_request_run(client, &writer);
	if (client->state == CLIENT_OPEN && *client->failure.code) {
		pins_forget(&client->pins, pin);
		return 0;
	}
	if (r < 0)
		return r;
	const char *key = image_reply_read(&client->reply, pin->name, &reply);
	if (key || reply.format != pin->what.format)
		return client_lose(client, -EPROTO,
			"the daemon's reply has no proper %s=", key ? key : "format");
	return reconnect_compare_pin(client, pin, &reply);
}

/* From the last on, so that those to be forgotten are at the end. */
static int reconnect_pin_all(struct shmimg_client *client)
{
	struct pins *pins = &client->pins;
	deadline until = deadline_midway(client->end);
	int r = 0;
	for (size_t i = pins->count; r == 0 && pins->missing && i-- > 0;) {
		if (deadline_poll(until) == 0)
			break;
		if (!pins->all[i]->held)
			r = reconnect_pin_again(client, pins->all[i]);
	}
	return r;
}

static int reconnect_try(struct shmimg_client *client)
{
	int r = 0;
	if (client->state != CLIENT_OPEN) {
		struct channel *channel = &client->channel;
		r = channel_open(channel, channel->address.sun_path, client->end);
		if (r < 0)
			return client_fail(client, r, "no daemon at %s: %s",
				channel->address.sun_path, strerror(-r));
		r = handshake(client);
	}
	return r < 0 ? r : reconnect_pin_all(client);
}

/* -EACCES: the daemon lets others connect only when it has bound its socket. */
static bool reconnect_may_retry(const struct shmimg_client *client, int error)
{
	return !*client->failure.code && client->state == CLIENT_LOST &&
	       (error == -ENOENT || error == -ECONNREFUSED || error == -ECONNRESET ||
		       error == -EACCES);
}

int reconnect(struct shmimg_client *client, bool patient)
{
	if (client->state == CLIENT_BROKEN)
		return client_fail(client, -EPROTO,
			"the connection was given up: the daemon did not keep to the protocol");
	if (client->state == CLIENT_OPEN && client->pins.missing == 0)
		return 0;
	struct client_failure before = client->failure;
	deadline patience = client->end;
	if (patience == DEADLINE_NEVER)
		patience = deadline_after(RECONNECT_MS);
	int delay = DELAY_FIRST;
	int r;
	do
		r = reconnect_try(client);
	while (reconnect_may_retry(client, r) && patient && reconnect_pause(patience, &delay));
	if (r == 0)
		client->failure = before;
	/* Nobody shall take it for an image or a file that is not there. */
	return r == -ENOENT ? -ECONNREFUSED : r;
}
