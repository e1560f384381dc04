/*
 * What the log tells of loads: how each has ended, once for all who wait for it. Answers
 * nobody.
 */
#pragma once

#include "client/protocol/fault.h"
#include "daemon/log/log.h"
#include "daemon/store/image.h"

/* An image was decoded; client is who asked for it, or NULL. */
void load_log_loaded(const struct log_client *client, const struct rendition *rendition);

/* It was not, for this reason. */
void load_log_not_loaded(
	const struct log_client *client, const char *name, enum fault fault, const char *message);
