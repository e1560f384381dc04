/*
 * One request and its reply.
 * See call.h for what it does and never does.
 */
#include "client/lib/call.h"

#include <errno.h>
#include <string.h>

#include "client/protocol/fault.h"

int call_begin(struct shmimg_client *client, struct wire_writer *writer, const char *verb)
{
	if (client->lost)
		return client_fail(client, -ECONNRESET, "the connection to the daemon was lost");
	if (client->watching && strcmp(verb, "WATCH") != 0)
		return client_fail(client, -EBUSY, "the client watches; use another one");
	if (client->busy)
		return client_fail(client, -EBUSY, "a handler must not use the client");
	wire_begin(writer, client->request, sizeof(client->request), verb);
	return 0;
}

int call_send(struct shmimg_client *client, struct wire_writer *writer, int fd)
{
	int length = wire_end(writer);
	if (length < 0)
		return client_fail(client, -EINVAL, "the request is too long for a line");
	if (client->channel.start < client->channel.end)
		return client_lose(client, -EPROTO, "the daemon says what nobody asked it");
	client->end = deadline_after(client->timeout_ms);
	bool begun;
	int r = channel_send(
		&client->channel, client->request, (size_t)length, fd, client->end, &begun);
	/* Before it closed the connection, the daemon may have said why: the reply tells. */
	if (r == 0 || r == -ECONNRESET)
		return 0;
	if (!begun)
		return client_fail(client, r, "cannot send to the daemon: %s", strerror(-r));
	return client_lose(client, r, "cannot send to the daemon: %s", strerror(-r));
}

static int lose(struct shmimg_client *client, int error)
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
static int refused(struct shmimg_client *client)
{
	const char *code = wire_get(&client->reply, "code");
	const char *message = wire_get(&client->reply, "message");
	enum fault fault = code ? fault_find(code) : FAULT_NONE;
	if (fault == FAULT_NONE)
		return client_lose(client, -EPROTO, "the daemon's error has no known code");
	client_fail(client, 0, "%s", message ? message : fault_advice(fault));
	client->code = fault_word(fault);
	return -fault_errno(fault);
}

int call_receive(struct shmimg_client *client)
{
	char *line;
	size_t length;
	int r = channel_receive(&client->channel, &line, &length, client->end);
	if (r < 0)
		return lose(client, r);
	const char *fault = wire_parse(line, length, &client->reply);
	if (fault)
		return client_lose(client, -EPROTO, "from the daemon: %s", fault);
	if (strcmp(client->reply.verb, "OK") == 0)
		return 0;
	if (strcmp(client->reply.verb, "ITEM") == 0)
		return 1;
	if (strcmp(client->reply.verb, "ERR") == 0)
		return refused(client);
	return client_lose(client, -EPROTO, "the daemon's reply is neither OK nor ERR");
}

int call_ask(struct shmimg_client *client, struct wire_writer *writer, int fd, int *passed)
{
	int r = call_send(client, writer, fd);
	if (r == 0)
		r = call_receive(client);
	if (r > 0)
		r = client_lose(client, -EPROTO, "the daemon's reply has a line too many");
	if (passed)
		*passed = channel_take(&client->channel);
	channel_discard(&client->channel);
	return r;
}
