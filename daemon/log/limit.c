/*
 * A fixed table: for each kind of message a number of counters, and a user's is uid modulo that
 * number. So a client can make the daemon use no memory for this, and no user is forgotten while
 * the ten seconds last. Users whose numbers meet in one counter share its limit.
 */
#include "daemon/log/limit.h"

struct log_limit_counter {
	uint64_t began;
	unsigned count;
};

static struct log_limit_counter log_limit_counters[LOG_KIND_COUNT][LOG_LIMIT_SLOTS];

enum log_limit log_limit_count(enum log_kind kind, uid_t uid, uint64_t seconds)
{
	struct log_limit_counter *counter = &log_limit_counters[kind][uid % LOG_LIMIT_SLOTS];
	if (seconds - counter->began >= LOG_LIMIT_SECONDS)
		*counter = (struct log_limit_counter){.began = seconds};
	if (counter->count == LOG_LIMIT_BURST)
		return LOG_LIMIT_ABOVE;
	counter->count++;
	return counter->count == LOG_LIMIT_BURST ? LOG_LIMIT_LAST : LOG_LIMIT_BELOW;
}
