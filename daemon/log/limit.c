/*
 * Limits of the log.
 */
#include "daemon/log/limit.h"

struct place {
	uint64_t began;
	unsigned count;
};

static struct place places[LOG_KIND_COUNT][LOG_LIMIT_PLACES];

enum log_limit log_limit_count(enum log_kind kind, uid_t uid, uint64_t seconds)
{
	struct place *place = &places[kind][uid % LOG_LIMIT_PLACES];
	if (seconds - place->began >= LOG_LIMIT_SECONDS)
		*place = (struct place){.began = seconds};
	if (place->count == LOG_LIMIT_BURST)
		return LOG_LIMIT_ABOVE;
	place->count++;
	return place->count == LOG_LIMIT_BURST ? LOG_LIMIT_LAST : LOG_LIMIT_BELOW;
}
