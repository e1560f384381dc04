/*
 * A round trip.
 */
#include "client/lib/round-trip.h"

#include <errno.h>
#include <string.h>

#include "client/protocol/fault.h"

int round_trip_send(struct shmimg_client *client, const char *line, size_t length, int fd)
{
	client->sent = false;
	if (client->channel.start < client->channel.end)
		return client_lose(client, -EPROTO, "the daemon sent an unexpected line");
	bool begun;
	int r = channel_send(&client->channel, line, length, fd, client->end, &begun);
	client->sent = r == 0;
	if (r == 0 || r == -ECONNRESET)
		return 0;
	if (!begun)
		return client_fail(client, r, "cannot send to the daemon: %s", strerror(-r));
	return client_lose(client, r, "cannot send to the daemon: %s", strerror(-r));
}

int round_trip_lose(struct shmimg_client *client, int error)
{
	switch (error) {
	case -ECONNRESET:
		return client_lose(client, error, "the daemon closed the connection");
	case -ETIMEDOUT:
		return client_lose(client, error, "the daemon did not answer in time");
	case -EPROTO:
		return client_lose(client, error, "from the daemon: %s", client->channel.fault);
	default:
		return client_lose(
			client, error, "cannot read from the daemon: %s", strerror(-error));
	}
}

/* The reply is ERR. */
static int round_trip_read_error(struct shmimg_client *client)
{
	const char *code = wire_get(&client->reply, "code");
	const char *message = wire_get(&client->reply, "message");
	enum fault fault = code ? fault_from_string(code) : FAULT_NONE;
	if (fault == FAULT_NONE)
		return client_lose(client, -EPROTO, "the daemon's error code is unknown");
	client_fail(client, 0, "%s", message ? message : fault_advice(fault));
	client->failure.code = fault_to_string(fault);
	return -fault_errno(fault);
}

int round_trip_receive(struct shmimg_client *client)
{
	char *line;
	size_t length;
	int r = channel_receive(&client->channel, &line, &length, client->end);
	if (r < 0)
		return round_trip_lose(client, r);
	const char *fault = wire_parse(line, length, &client->reply);
	if (fault)
		return client_lose(client, -EPROTO, "from the daemon: %s", fault);
	if (strcmp(client->reply.verb, "OK") == 0)
		return 0;
	if (strcmp(client->reply.verb, "ITEM") == 0)
		return 1;
	if (strcmp(client->reply.verb, "ERR") == 0)
		return round_trip_read_error(client);
	return client_lose(client, -EPROTO, "the daemon's reply is neither OK nor ERR");
}

int round_trip_overlong(struct shmimg_client *client)
{
	return client_lose(client, -EPROTO, "the daemon's reply has more lines than expected");
}
