/*
 * The next daemon: connects to it where the last one was, waits for it a while, and takes
 * the pins again that the client holds. Never repeats what the caller asked.
 */
#pragma once

#include "client/lib/client.h"

/*
 * Sees to it that there is a connection and that it holds the client's pins. When nobody
 * listens and patient is set, tries again until the end of the call, or when that has none
 * for RECONNECT_MS. Pins take half of the call's time at most; the next call goes on.
 * Returns 0, what handshake() returns, -ECONNREFUSED when there is no daemon, or another errno.
 */
int reconnect(struct shmimg_client *client, bool patient);
