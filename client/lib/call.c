/*
 * What the caller of the library asks.
 */
#include "client/lib/call.h"

#include <errno.h>

#include "client/lib/reconnect.h"
#include "client/lib/round-trip.h"

int call_enter(struct shmimg_client *client)
{
	if (client->watching)
		return client_fail(client, -EBUSY, "the client watches; use another one");
	if (client->busy)
		return client_fail(client, -EBUSY, "a handler must not use the client");
	client->end = deadline_after(client->timeout_ms);
	return 0;
}

void call_begin(struct shmimg_client *client, struct wire_writer *writer, const char *verb)
{
	wire_begin(writer, client->request, sizeof(client->request), verb);
}

/* One attempt, on a connection that is made for it if there is none. */
static int call_attempt(struct shmimg_client *client, size_t length, int fd)
{
	int r = reconnect(client, true);
	client->sent = false;
	if (r == 0)
		r = round_trip_send(client, client->request, length, fd);
	return r == 0 ? round_trip_receive(client) : r;
}

/* Not more than twice: a request that ends daemons shall not end them all. */
int call_first(struct shmimg_client *client, struct wire_writer *writer, int fd)
{
	int length = wire_end(writer);
	client->repeated = false;
	if (length < 0)
		return client_fail(client, -EINVAL, "the request is too long for a line");
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
