/*
 * Reconnects to the next daemon at the same path: waits for it, and pins the client's images
 * again. Never repeats the caller's request.
 */
#pragma once

#include "client/lib/client.h"

/*
 * Makes a connection if there is none, and pins the client's images again. If no daemon is
 * running and patient is set, tries again until the end of the call, or for RECONNECT_MS if the
 * call has no end. Pinning takes at most half of the call's time; the next call pins the rest.
 * Returns 0, the error of handshake(), -ECONNREFUSED if there is no daemon, or another errno.
 */
int reconnect(struct shmimg_client *client, bool patient);
