/*
 * The log's messages about loads: how each has ended, once for all its waiters.
 */
#pragma once

#include "client/protocol/fault.h"
#include "daemon/log/log.h"
#include "daemon/store/image.h"

/* An image was decoded; client is its first requester, or NULL. */
void load_log_loaded(const struct log_client *client, const struct rendition *rendition);

/* An image was not decoded, for this reason. */
void load_log_not_loaded(
	const struct log_client *client, const char *name, enum fault fault, const char *message);
