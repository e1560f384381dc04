/*
 * Watching: passes the daemon's events to the caller's handler, one at a time. A client that
 * watches makes no other requests, so a wait that times out does not end its connection.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "client/lib/call.h"
#include "client/lib/client.h"
#include "client/lib/record.h"
#include "client/lib/round-trip.h"

static int watch(struct shmimg_client *client, const char *match)
{
	struct wire_writer writer;
	call_begin(client, &writer, "WATCH");
	if (match)
		wire_add(&writer, "match", match);
	return call_ask(client, &writer, -1, NULL);
}

int shmimg_watch(shmimg_client *client, const char *match)
{
	int r = call_enter(client);
	if (r < 0)
		return r;
	char *copy = match ? strdup(match) : NULL;
	if (match && !copy)
		return client_fail(client, -ENOMEM, "out of memory");
	r = watch(client, match);
	if (r < 0) {
		free(copy);
		return r;
	}
	client->match = copy;
	client->watching = true;
	return 0;
}

/* Waits for a line. A timeout does not end the connection. */
static int watch_receive_event(struct shmimg_client *client, deadline end)
{
	char *line;
	size_t length;
	int r = channel_receive(&client->channel, &line, &length, end);
	channel_discard(&client->channel);
	if (r == -ETIMEDOUT)
		return client_fail(client, r, "no event arrived in time");
	if (r < 0)
		return round_trip_lose(client, r);
	const char *fault = wire_parse(line, length, &client->reply);
	if (!fault && strcmp(client->reply.verb, "EVENT") != 0)
		fault = "the line is not an event";
	if (!fault && !wire_get(&client->reply, "type"))
		fault = "an event has no type";
	return fault ? client_lose(client, -EPROTO, "from the daemon: %s", fault) : 0;
}

/* Watches the next daemon. The events between the two daemons are lost: reports an overflow. */
static int watch_again(struct shmimg_client *client)
{
	client->end = deadline_after(client->timeout_ms);
	int r = watch(client, client->match);
	if (r < 0)
		return client->state == CLIENT_OPEN ? client_lose_refused(client, r) : r;
	client->reply =
		(struct wire_line){.verb = "EVENT", .count = 1, .fields = {{"type", "overflow"}}};
	return 0;
}

int shmimg_next_event(
	shmimg_client *client, int timeout_ms, shmimg_record_handler handler, void *context)
{
	if (!client->watching || client->busy)
		return client_fail(client, -EBUSY,
			"call shmimg_watch() first, and do not call this in a handler");
	int r = client->state == CLIENT_OPEN
			? watch_receive_event(client, deadline_after(timeout_ms))
			: -ECONNRESET;
	if (r == -ECONNRESET)
		r = watch_again(client);
	if (r < 0)
		return r;
	struct shmimg_record record = {.line = &client->reply};
	client->busy = true;
	r = handler(&record, context);
	client->busy = false;
	return r;
}
