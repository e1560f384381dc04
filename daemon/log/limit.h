/*
 * The limit of the log: how many messages of one kind one user may cause in ten seconds.
 */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include "daemon/log/entry.h"

enum {
	LOG_LIMIT_SECONDS = 10,
	LOG_LIMIT_BURST = 200, /* messages in LOG_LIMIT_SECONDS */
	LOG_LIMIT_SLOTS = 64,  /* counters of each kind */
};

enum log_limit {
	LOG_LIMIT_BELOW,
	LOG_LIMIT_LAST, /* the last one that is logged */
	LOG_LIMIT_ABOVE,
};

/* Counts a message at a time of clock_now_seconds(). kind is not LOG_PLAIN. */
enum log_limit log_limit_count(enum log_kind kind, uid_t uid, uint64_t seconds);
