/*
 * The handshake: HELLO and its reply, the first lines on every connection.
 */
#pragma once

#include "client/lib/client.h"

/*
 * Does the handshake on a new connection. On success the client is CLIENT_OPEN; on failure the
 * connection is ended. Returns 0, or a negative errno: that of the daemon's refusal, or -EPROTO
 * if the program that answers is not shmimgd or uses another protocol.
 */
int handshake(struct shmimg_client *client);
