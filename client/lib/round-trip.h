/*
 * A round trip: one request and its reply on the current connection. Knows OK, ERR and ITEM, but
 * no command. Never makes a connection.
 */
#pragma once

#include "client/lib/client.h"
#include "client/protocol/wire.h"

/*
 * Waits for a line of the reply to exchange_send() and reads it into client->call->reply. Returns 0
 * for OK, 1 for ITEM, or a negative errno: -ECONNRESET only if the daemon has gone.
 */
int round_trip_receive(struct shmimg_client *client);

/* Ends the connection, because a reply has ITEM where OK is expected. */
int round_trip_overlong(struct shmimg_client *client);
