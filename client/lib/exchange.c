/*
 * One request and its reply.
 */
#include "client/lib/exchange.h"

#include <errno.h>
#include <string.h>

#include "client/protocol/fault.h"

int exchange_send(struct shmimg_client *client, const char *line, size_t length, int fd)
{
	client->sent = false;
	if (client->channel.start < client->channel.end)
		return client_lose(client, -EPROTO, "the daemon says what nobody asked it");
	bool begun;
	int r = channel_send(&client->channel, line, length, fd, client->end, &begun);
	client->sent = r == 0;
	if (r == 0 || r == -ECONNRESET)
		return 0;
	if (!begun)
		return client_fail(client, r, "cannot send to the daemon: %s", strerror(-r));
	return client_lose(client, r, "cannot send to the daemon: %s", strerror(-r));
}

int exchange_lose(struct shmimg_client *client, int error)
{
	switch (error) {
	case -ECONNRESET:
		return client_lose(client, error, "the daemon has ended the connection");
	case -ETIMEDOUT:
		return client_lose(client, error, "the daemon did not answer in time");
	case -EPROTO:
		return client_lose(client, error, "from the daemon: %s", client->channel.fault);
	default:
		return client_lose(
			client, error, "cannot read from the daemon: %s", strerror(-error));
	}
}

/* The daemon said ERR. */
static int exchange_refused(struct shmimg_client *client)
{
	const char *code = wire_get(&client->reply, "code");
	const char *message = wire_get(&client->reply, "message");
	enum fault fault = code ? fault_from_string(code) : FAULT_NONE;
	if (fault == FAULT_NONE)
		return client_lose(client, -EPROTO, "the daemon's error has no known code");
	client_fail(client, 0, "%s", message ? message : fault_advice(fault));
	client->failure.code = fault_to_string(fault);
	return -fault_errno(fault);
}

int exchange_receive(struct shmimg_client *client)
{
	char *line;
	size_t length;
	int r = channel_receive(&client->channel, &line, &length, client->end);
	if (r < 0)
		return exchange_lose(client, r);
	const char *fault = wire_parse(line, length, &client->reply);
	if (fault)
		return client_lose(client, -EPROTO, "from the daemon: %s", fault);
	if (strcmp(client->reply.verb, "OK") == 0)
		return 0;
	if (strcmp(client->reply.verb, "ITEM") == 0)
		return 1;
	if (strcmp(client->reply.verb, "ERR") == 0)
		return exchange_refused(client);
	return client_lose(client, -EPROTO, "the daemon's reply is neither OK nor ERR");
}

void exchange_begin_errand(
	struct shmimg_client *client, struct wire_writer *writer, const char *verb)
{
	wire_begin(writer, client->errand, sizeof(client->errand), verb);
}

int exchange_errand(struct shmimg_client *client, struct wire_writer *writer)
{
	int length = wire_end(writer);
	if (length < 0)
		return client_fail(client, -EINVAL, "the request is too long for a line");
	int r = exchange_send(client, client->errand, (size_t)length, -1);
	if (r == 0)
		r = exchange_receive(client);
	channel_discard(&client->channel);
	return r > 0 ? exchange_overlong(client) : r;
}

int exchange_overlong(struct shmimg_client *client)
{
	return client_lose(client, -EPROTO, "the daemon's reply has a line too many");
}
