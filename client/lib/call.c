/*
 * Requests of the library's caller.
 */
#include "client/lib/call.h"

#include <errno.h>

#include "client/lib/reconnect.h"
#include "client/lib/round-trip.h"

int call_enter(struct shmimg_client *client)
{
	if (client->watching)
		return client_fail(
			client, -EBUSY, "this client watches for events; use another client");
	if (client->busy)
		return client_fail(
			client, -EBUSY, "a handler must not use its client; use another client");
	client->end = deadline_after(client->timeout_ms);
	return 0;
}

void call_begin(struct shmimg_client *client, struct wire_writer *writer, const char *verb)
{
	wire_begin(writer, client->request, sizeof(client->request), verb);
}

/* One attempt; connects first if there is no connection. */
static int call_attempt(struct shmimg_client *client, size_t length, int fd)
{
	int r = reconnect(client, true);
	client->sent = false;
	if (r == 0)
		r = round_trip_send(client, client->request, length, fd);
	return r == 0 ? round_trip_receive(client) : r;
}

/* At most twice: a request that crashes daemons must not crash one after the other. */
int call_first(struct shmimg_client *client, struct wire_writer *writer, int fd)
{
	int length = wire_end(writer);
	client->repeated = false;
	if (length < 0)
		return client_fail(client, -EINVAL,
			"the request is longer than 16384 bytes; use shorter values");
	struct client_failure before = client->failure;
	int r = call_attempt(client, (size_t)length, fd);
	if (r != -ECONNRESET)
		return r;
	client->failure = before;
	client->repeated = client->sent;
	return call_attempt(client, (size_t)length, fd);
}

int call_ask(struct shmimg_client *client, struct wire_writer *writer, int fd, int *passed)
{
	int r = call_first(client, writer, fd);
	if (r > 0)
		r = round_trip_overlong(client);
	if (passed)
		*passed = channel_take(&client->channel);
	channel_discard(&client->channel);
	return r;
}
