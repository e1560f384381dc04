/*
 * Watching: passes the daemon's events to the caller's handler, one at a time. A client that
 * watches makes no other requests, so a wait that times out does not end its connection.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "client/lib/call.h"
#include "client/lib/cleanup.h"
#include "client/lib/client.h"
#include "client/lib/exchange.h"

static int watch(struct shmimg_client *client, const char *match)
{
	struct wire_writer writer;
	call_begin(client, &writer, "WATCH");
	if (match)
		wire_add(&writer, "match", match);
	return call_ask(client, &writer, -1, NULL);
}

/* Watching begins when no other thread makes a call: later answers would come between events. */
static int watch_settle(struct shmimg_client *client)
{
	while (client_has_others(client)) {
		if (client_sleep(client, client->call->end) < 0)
			return client_fail(client, -ETIMEDOUT,
				"another thread still used the client when the time was over");
	}
	return 0;
}

static int watch_begin(struct shmimg_client *client, const char *match)
{
	int r = call_enter(client);
	if (r < 0)
		return r;
	FREED char *copy = match ? strdup(match) : NULL;
	if (match && !copy)
		return client_fail(client, -ENOMEM, "out of memory");
	client->watching = true;
	r = watch_settle(client);
	if (r == 0)
		r = watch(client, match);
	client->watching = r == 0;
	if (r < 0)
		return r;
	client->match = copy;
	copy = NULL;
	return 0;
}

int shmimg_watch(shmimg_client *client, const char *match)
{
	int r = client_enter(client);
	return r < 0 ? r : call_leave(client, watch_begin(client, match));
}

/* Waits for a line. A timeout does not end the connection. */
static int watch_receive_event(struct shmimg_client *client, deadline end)
{
	client->call->end = end;
	exchange_expect_event(client);
	int r = exchange_receive(client);
	if (r < 0)
		return r;
	const struct wire_line *event = &client->call->reply;
	const char *fault = NULL;
	if (strcmp(event->verb, "EVENT") != 0)
		fault = "the line is not an event";
	else if (!wire_get(event, "type"))
		fault = "an event has no type";
	return fault ? client_lose(client, -EPROTO, "from the daemon: %s", fault) : 0;
}

/* Watches the next daemon. The events between the two daemons are lost: reports an overflow. */
static int watch_again(struct shmimg_client *client)
{
	client->call->end = deadline_after(client->timeout_ms);
	int r = watch(client, client->match);
	if (r < 0)
		return client->state == CLIENT_OPEN ? client_lose_refused(client, r) : r;
	client->call->reply =
		(struct wire_line){.verb = "EVENT", .count = 1, .fields = {{"type", "overflow"}}};
	return 0;
}

static int watch_next(
	struct shmimg_client *client, int timeout_ms, shmimg_record_handler handler, void *context)
{
	if (!client->watching || client_has_others(client))
		return client_fail(client, -EBUSY,
			"call shmimg_watch() first, and do not call this in a handler");
	int r = client->state == CLIENT_OPEN
			? watch_receive_event(client, deadline_after(timeout_ms))
			: -ECONNRESET;
	if (r == -ECONNRESET)
		r = watch_again(client);
	if (r < 0)
		return r;
	return call_hand_over(client, handler, context);
}

int shmimg_next_event(
	shmimg_client *client, int timeout_ms, shmimg_record_handler handler, void *context)
{
	int r = client_enter(client);
	return r < 0 ? r : call_leave(client, watch_next(client, timeout_ms, handler, context));
}
