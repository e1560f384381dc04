/*
 * Subscriptions.
 *
 * Each looks at the changes in its session's own turns, so that an image which many watch costs
 * the one who loads it nothing. A change becomes the event that the session must see: an image that
 * comes into sight was loaded, one that goes out of sight was dropped, whatever happened to it.
 */
#include "daemon/command/subscription.h"

#include <errno.h>
#include <string.h>

#include "client/protocol/wire.h"
#include "daemon/base/glob.h"

/* A step takes some nanoseconds. */
enum {
	TURN_STEPS = 1 << 18,
	CHANGE_STEPS = 1 << 6, /* for each change */
	EVENT_STEPS = 1 << 10, /* for each line, beside some for each byte of the name */
};

static void subscription_on_wake(struct change_reader *reader)
{
	struct subscription *subscription = (struct subscription *)reader;
	subscription->wake(subscription->context);
}

static void subscription_charge(struct subscription *subscription, uint64_t steps)
{
	subscription->steps -= steps < subscription->steps ? steps : subscription->steps;
}

static bool subscription_matches(struct subscription *subscription, const char *name)
{
	uint64_t steps = 0;
	bool matches = !subscription->glob || glob_matches(subscription->glob, name, &steps);
	subscription_charge(subscription, steps);
	return matches;
}

/* The type of the event that a change is for the session, or NULL. */
static const char *subscription_type(
	const struct subscription *subscription, const struct change_record *record)
{
	bool before = change_saw_before(record, subscription->reader.who);
	bool after = change_sees_after(record, subscription->reader.who);
	if (before && after)
		return "changed";
	if (after)
		return "loaded";
	if (before)
		return record->change == CHANGE_EVICTED ? "evicted" : "dropped";
	return NULL;
}

/* Writes an event. Returns its length, or 0 when it does not fit. */
static size_t subscription_write(
	const struct change_record *record, const char *type, char *data, size_t size)
{
	struct wire_writer line;
	bool gone = !strcmp(type, "dropped") || !strcmp(type, "evicted");
	wire_begin(&line, data, size < WIRE_LINE_MAX ? size : WIRE_LINE_MAX, "EVENT");
	wire_add(&line, "type", type);
	wire_add(&line, "name", record->name);
	wire_add_number(
		&line, "generation", gone ? record->before.generation : record->after.generation);
	wire_add_number(&line, "owner", record->owner);
	int length = wire_end(&line);
	return length > 0 ? (size_t)length : 0;
}

static size_t subscription_write_overflow(char *data, size_t size)
{
	static const char overflow[] = "EVENT type=overflow\n";
	size_t length = sizeof(overflow) - 1;
	if (size < length)
		return 0;
	memcpy(data, overflow, length);
	return length;
}

int subscription_start(
	struct subscription *subscription, struct change_log *log, const char *pattern)
{
	struct glob *glob = pattern ? glob_compile(pattern) : NULL;
	if (pattern && !glob)
		return -ENOMEM;
	subscription->reader.wake = subscription_on_wake;
	if (!subscription->log && change_log_join(log, &subscription->reader) < 0) {
		glob_free(glob);
		return -ENOMEM;
	}
	subscription->log = log;
	glob_free(subscription->glob);
	subscription->glob = glob;
	return 0;
}

void subscription_stop(struct subscription *subscription)
{
	if (subscription->log)
		change_log_leave(subscription->log, &subscription->reader);
	subscription->log = NULL;
	glob_free(subscription->glob);
	subscription->glob = NULL;
}

void subscription_begin_turn(struct subscription *subscription)
{
	subscription->steps = TURN_STEPS;
}

bool subscription_is_behind(const struct subscription *subscription)
{
	return subscription->log && !subscription->reader.is_idle;
}

/* Writes the event of a change, if it is one. Returns false when it does not fit. */
static bool subscription_add(struct subscription *subscription, const struct change_record *record,
	char *data, size_t size, size_t *length)
{
	const char *type = subscription_type(subscription, record);
	subscription_charge(subscription, CHANGE_STEPS);
	if (!type || !subscription_matches(subscription, record->name))
		return true;
	*length = subscription_write(record, type, data, size);
	subscription_charge(subscription, EVENT_STEPS + strlen(record->name));
	return *length > 0;
}

size_t subscription_take(struct subscription *subscription, char *data, size_t size)
{
	size_t used = 0;
	while (subscription_is_behind(subscription) && subscription->steps > 0) {
		bool lost;
		size_t length = 0;
		const struct change_record *record =
			change_log_peek(subscription->log, &subscription->reader, &lost);
		if (lost) {
			length = subscription_write_overflow(data + used, size - used);
			if (length == 0)
				break;
		} else if (!subscription_add(
				   subscription, record, data + used, size - used, &length)) {
			break;
		}
		used += length;
		change_log_advance(subscription->log, &subscription->reader);
	}
	return used;
}
