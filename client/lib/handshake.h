/*
 * The greeting: HELLO, and what the daemon says of itself. The first words on a connection,
 * and nothing else.
 */
#pragma once

#include "client/lib/client.h"

/*
 * Greets on a new connection, which is open then, or given up. Returns 0, or a negative
 * errno: the daemon's refusal, or -EPROTO when what answers is no shmimgd of this protocol.
 */
int handshake(struct shmimg_client *client);
