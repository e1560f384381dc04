/*
 * One request and its reply on the connection that there is: bounded in time, and either
 * whole or the end of the connection. Knows OK, ERR and ITEM, and no command; never makes
 * a connection.
 */
#pragma once

#include "client/lib/client.h"
#include "client/protocol/wire.h"

/*
 * Sends the first length bytes of a line, with a descriptor unless that is -1. That the
 * daemon has gone is no failure yet: it may have said why, which round_trip_receive() tells.
 */
int round_trip_send(struct shmimg_client *client, const char *line, size_t length, int fd);

/*
 * Waits for a line of the reply, which is in client->reply then. Returns 0 for OK, 1 for
 * ITEM, or a negative errno: -ECONNRESET when the daemon has gone, and nothing else is.
 */
int round_trip_receive(struct shmimg_client *client);

/* Gives the connection up over an error of channel_receive(), which it returns. */
int round_trip_lose(struct shmimg_client *client, int error);

/* That a reply has ITEM in place of OK: the end of the connection. */
int round_trip_overlong(struct shmimg_client *client);
