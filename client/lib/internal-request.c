/*
 * Requests of the library's own.
 */
#include "client/lib/internal-request.h"

#include "client/lib/exchange.h"
#include "client/lib/round-trip.h"

void internal_request_begin(
	struct shmimg_client *client, struct wire_writer *writer, const char *verb)
{
	client->call->wants_fd = false;
	wire_begin(writer, client->call->internal_request, sizeof(client->call->internal_request),
		verb);
}

int internal_request_run(struct shmimg_client *client, struct wire_writer *writer)
{
	int r = exchange_send(client, writer, -1);
	if (r == 0)
		r = round_trip_receive(client);
	return r > 0 ? round_trip_overlong(client) : r;
}
