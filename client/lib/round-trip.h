/*
 * A round trip: one request and its reply on the current connection. If a part of either is
 * missing at the end of the call, the connection is ended. Knows OK, ERR and ITEM, but no
 * command. Never makes a connection.
 */
#pragma once

#include "client/lib/client.h"
#include "client/protocol/wire.h"

/*
 * Sends the first length bytes of line, with a descriptor unless fd is -1. Returns 0 even if
 * the daemon has gone: its last line may say why, and round_trip_receive() reads it.
 */
int round_trip_send(struct shmimg_client *client, const char *line, size_t length, int fd);

/*
 * Waits for a line of the reply and parses it into client->reply. Returns 0 for OK, 1 for ITEM,
 * or a negative errno: -ECONNRESET only if the daemon has gone.
 */
int round_trip_receive(struct shmimg_client *client);

/* Ends the connection after an error of channel_receive(). Returns the error. */
int round_trip_lose(struct shmimg_client *client, int error);

/* Ends the connection, because a reply has ITEM where OK is expected. */
int round_trip_overlong(struct shmimg_client *client);
