/*
 * A round trip.
 */
#include "client/lib/round-trip.h"

#include <errno.h>
#include <string.h>

#include "client/lib/exchange.h"
#include "client/protocol/fault.h"

/* The reply is ERR. */
static int round_trip_read_error(struct shmimg_client *client)
{
	const char *code = wire_get(&client->call->reply, "code");
	const char *message = wire_get(&client->call->reply, "message");
	enum fault fault = code ? fault_from_string(code) : FAULT_NONE;
	if (fault == FAULT_NONE)
		return client_lose(client, -EPROTO, "the daemon's error code is unknown");
	client_fail(client, 0, "%s", message ? message : fault_advice(fault));
	client->call->failure.code = fault_to_string(fault);
	return -fault_errno(fault);
}

int round_trip_receive(struct shmimg_client *client)
{
	int r = exchange_receive(client);
	if (r < 0)
		return r;
	if (strcmp(client->call->reply.verb, "OK") == 0)
		return 0;
	if (strcmp(client->call->reply.verb, "ITEM") == 0)
		return 1;
	if (strcmp(client->call->reply.verb, "ERR") == 0)
		return round_trip_read_error(client);
	return client_lose(client, -EPROTO, "the daemon's reply is neither OK nor ERR");
}

int round_trip_overlong(struct shmimg_client *client)
{
	return client_lose(client, -EPROTO, "the daemon's reply has more lines than expected");
}
