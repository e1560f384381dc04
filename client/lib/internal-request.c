/*
 * Requests of the library's own.
 */
#include "client/lib/internal-request.h"

#include <errno.h>

#include "client/lib/round-trip.h"

void internal_request_begin(
	struct shmimg_client *client, struct wire_writer *writer, const char *verb)
{
	wire_begin(writer, client->internal_request, sizeof(client->internal_request), verb);
}

int internal_request_run(struct shmimg_client *client, struct wire_writer *writer)
{
	int length = wire_end(writer);
	if (length < 0)
		return client_fail(client, -EINVAL,
			"the request is longer than 16384 bytes; use shorter values");
	int r = round_trip_send(client, client->internal_request, (size_t)length, -1);
	if (r == 0)
		r = round_trip_receive(client);
	channel_discard(&client->channel);
	return r > 0 ? round_trip_overlong(client) : r;
}
