/*
 * Watching: what the daemon tells of images by itself, one event at a time to the caller's
 * handler. A client that watches does nothing else; its waits end without harm.
 */
#include <errno.h>
#include <string.h>

#include "client/lib/call.h"
#include "client/lib/client.h"
#include "client/lib/record.h"

int shmimg_watch(shmimg_client *client, const char *match)
{
	struct wire_writer writer;
	int r = call_begin(client, &writer, "WATCH");
	if (r < 0)
		return r;
	if (match)
		wire_add(&writer, "match", match);
	r = call_ask(client, &writer, -1, NULL);
	client->watching = r == 0;
	return r;
}

/* Waits for a line without giving the connection up when none comes. */
static int receive_event(struct shmimg_client *client, deadline end)
{
	char *line;
	size_t length;
	int r = channel_receive(&client->channel, &line, &length, end);
	channel_discard(&client->channel);
	if (r == -ETIMEDOUT)
		return client_fail(client, r, "there was no event in time");
	if (r < 0)
		return client_lose(client, r, "the daemon has ended the connection");
	const char *fault = wire_parse(line, length, &client->reply);
	if (!fault && strcmp(client->reply.verb, "EVENT") != 0)
		fault = "this is no event";
	if (!fault && !wire_get(&client->reply, "type"))
		fault = "an event has no type";
	return fault ? client_lose(client, -EPROTO, "from the daemon: %s", fault) : 0;
}

int shmimg_next_event(
	shmimg_client *client, int timeout_ms, shmimg_record_handler handler, void *context)
{
	if (client->lost)
		return client_fail(client, -ECONNRESET, "the connection to the daemon was lost");
	if (!client->watching || client->busy)
		return client_fail(client, -EBUSY, "the client does not watch, or not now");
	int r = receive_event(client, deadline_after(timeout_ms));
	if (r < 0)
		return r;
	struct shmimg_record record = {.line = &client->reply};
	client->busy = true;
	r = handler(&record, context);
	client->busy = false;
	return r;
}
