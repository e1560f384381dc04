/*
 * RELEASE: one pin of the present connection given back. Knows nothing of what the client
 * has noted; that is its caller's.
 */
#pragma once

#include "client/lib/client.h"

/*
 * Gives back the pin on one rendition; owner is a uid, or -1 for whoever it is. Makes no
 * connection: pins go with theirs. Returns 0, -ENOENT when there is none, -ECONNRESET when
 * the connection is gone, and the pin with it, or another errno.
 */
int release(
	struct shmimg_client *client, const char *name, int64_t owner, const struct pinned *what);
