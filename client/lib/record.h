/*
 * A record: one line of the daemon's answer, as a caller's handler sees it. Points into
 * the client's memory and is gone when the handler returns.
 */
#pragma once

#include "client/lib/public.h"
#include "client/protocol/wire.h"

struct shmimg_record {
	const struct wire_line *line;
};
