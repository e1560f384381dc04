/*
 * How many messages of a kind may be logged because of one user. Has a place for some users
 * of each kind, and lets those whose numbers fall into the same place share it: it takes no
 * memory that a client could use up, and forgets nobody who comes back.
 */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include "daemon/log/log.h"

enum {
	LOG_LIMIT_SECONDS = 10,
	LOG_LIMIT_BURST = 200, /* messages in so many seconds */
	LOG_LIMIT_PLACES = 64, /* of each kind */
};

enum log_limit {
	LOG_LIMIT_BELOW,
	LOG_LIMIT_LAST, /* is let through; those that follow are not */
	LOG_LIMIT_ABOVE,
};

/* Counts a message, at a time of a clock that never goes back. kind is not LOG_PLAIN. */
enum log_limit log_limit_count(enum log_kind kind, uid_t uid, uint64_t seconds);
