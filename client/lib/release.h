/*
 * RELEASE: releases one pin of the current connection. Does not change the client's list of
 * pins; its caller does.
 */
#pragma once

#include "client/lib/client.h"

/*
 * Releases the pin on one rendition; owner is as in options. Never connects, because pins end with
 * their connection. Does not wait for an answer if the daemon can do without one. Returns 0,
 * -ENOENT if there is no such pin, -ECONNRESET if the connection and the pin with it are gone, or
 * another errno.
 */
int release(
	struct shmimg_client *client, const char *name, int64_t owner, const struct pinned *what);

/* As release(), but always waits for the answer: for a pin that the client does not know. */
int release_asked(
	struct shmimg_client *client, const char *name, int64_t owner, const struct pinned *what);
