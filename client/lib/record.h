/*
 * A record: one line of the daemon's reply, as the caller's handler receives it. Points into
 * the client's memory, and is valid until the handler returns.
 */
#pragma once

#include "client/lib/public.h"
#include "client/protocol/wire.h"

struct shmimg_record {
	const struct wire_line *line;
};
