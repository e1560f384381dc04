/*
 * Subscriptions.
 *
 * Each looks at the changes in its session's own turns, so that an image which many watch costs
 * the one who loads it nothing. A change becomes the event that the session must see: an image that
 * comes into sight was loaded, one that goes out of sight was dropped, whatever happened to it.
 *
 * The initial images are listed in the order of names and owners, and only while all changes are
 * read. So what was listed is as the changes so far have left it. A change of an image that is
 * listed is an event; a change of one behind the position is none, for the list will tell what
 * became of it. So nothing is told twice, and nothing is missed.
 */
#include "daemon/command/subscription.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "client/protocol/wire.h"
#include "daemon/base/glob.h"
#include "daemon/base/tiny.h"
#include "daemon/command/listing.h"

/* A step takes some nanoseconds. */
enum {
	TURN_STEPS = TINY(1 << 18, 1 << 8),
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

struct event {
	const char *type;
	const char *name;
	uint64_t generation;
	uid_t owner;
	bool initial;
};

/* Writes an event. Returns its length, or 0 when it does not fit. */
static size_t subscription_write(const struct event *event, char *data, size_t size)
{
	struct wire_writer line;
	wire_begin(&line, data, size < WIRE_LINE_MAX ? size : WIRE_LINE_MAX, "EVENT");
	wire_add(&line, "type", event->type);
	wire_add(&line, "name", event->name);
	wire_add_number(&line, "generation", event->generation);
	wire_add_number(&line, "owner", event->owner);
	if (event->initial)
		wire_add(&line, "initial", "yes");
	int length = wire_end(&line);
	return length > 0 ? (size_t)length : 0;
}

/* The end of the initial images. */
static size_t subscription_write_listed(uint64_t count, char *data, size_t size)
{
	struct wire_writer line;
	wire_begin(&line, data, size < WIRE_LINE_MAX ? size : WIRE_LINE_MAX, "EVENT");
	wire_add(&line, "type", "listed");
	wire_add_number(&line, "count", count);
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
	struct subscription *subscription, struct store *store, const char *pattern, bool initial)
{
	struct glob *glob = pattern ? glob_compile(pattern) : NULL;
	struct listing *listing = initial ? calloc(1, sizeof(*listing)) : NULL;
	bool complete = (glob || !pattern) && (listing || !initial);
	subscription->reader.wake = subscription_on_wake;
	if (complete && !subscription->store)
		complete = change_log_join(&store->changes, &subscription->reader) == 0;
	if (!complete) {
		glob_free(glob);
		listing_free(listing);
		return -ENOMEM;
	}
	glob_free(subscription->glob);
	listing_free(subscription->initial);
	subscription->store = store;
	subscription->glob = glob;
	subscription->initial = listing;
	return 0;
}

void subscription_stop(struct subscription *subscription)
{
	if (subscription->store)
		change_log_leave(&subscription->store->changes, &subscription->reader);
	glob_free(subscription->glob);
	listing_free(subscription->initial);
	subscription->store = NULL;
	subscription->glob = NULL;
	subscription->initial = NULL;
}

void subscription_begin_turn(struct subscription *subscription)
{
	subscription->steps = TURN_STEPS;
}

bool subscription_is_behind(const struct subscription *subscription)
{
	return subscription->store && (!subscription->reader.is_idle || subscription->initial);
}

/* Whether an image stands behind the ones that were listed so far. */
static bool subscription_will_list(
	const struct subscription *subscription, const struct change_record *record)
{
	const struct listing *initial = subscription->initial;
	if (!initial || !initial->has_position)
		return initial != NULL;
	int order = strcmp(record->name, initial->name);
	return order > 0 || (order == 0 && record->owner > initial->owner);
}

/* Writes the event of a change, if it is one. Returns false when it does not fit. */
static bool subscription_add_change(struct subscription *subscription,
	const struct change_record *record, char *data, size_t size, size_t *length)
{
	const char *type = subscription_type(subscription, record);
	subscription_charge(subscription, CHANGE_STEPS);
	if (!type || subscription_will_list(subscription, record) ||
		!subscription_matches(subscription, record->name))
		return true;
	bool gone = !change_sees_after(record, subscription->reader.who);
	const struct event event = {
		.type = type,
		.name = record->name,
		.generation = gone ? record->before.generation : record->after.generation,
		.owner = record->owner,
	};
	*length = subscription_write(&event, data, size);
	subscription_charge(subscription, EVENT_STEPS + strlen(record->name));
	return *length > 0;
}

/* Reads the next change, or the loss of changes. Returns false when its event does not fit. */
static bool subscription_read_change(
	struct subscription *subscription, char *data, size_t size, size_t *length)
{
	bool lost;
	struct change_log *log = &subscription->store->changes;
	const struct change_record *record = change_log_peek(log, &subscription->reader, &lost);
	if (lost) {
		*length = subscription_write_overflow(data, size);
		if (*length == 0)
			return false;
	} else if (!subscription_add_change(subscription, record, data, size, length)) {
		return false;
	}
	change_log_advance(log, &subscription->reader);
	return true;
}

/* Lists the next of the initial images, or ends their list. Returns false when it does not fit. */
static bool subscription_list_next(
	struct subscription *subscription, char *data, size_t size, size_t *length)
{
	struct listing *initial = subscription->initial;
	const struct image *image = store_next(
		subscription->store, initial->has_position ? initial->name : NULL, initial->owner);
	if (!image) {
		*length = subscription_write_listed(initial->count, data, size);
		if (*length == 0)
			return false;
		listing_free(initial);
		subscription->initial = NULL;
		return true;
	}
	subscription_charge(subscription, CHANGE_STEPS + strlen(image->name));
	if (share_permits(subscription->reader.who, image->owner, image->share, image->group) &&
		subscription_matches(subscription, image->name)) {
		const struct event event = {
			"loaded", image->name, image_current(image)->number, image->owner, true};
		*length = subscription_write(&event, data, size);
		subscription_charge(subscription, EVENT_STEPS);
		if (*length == 0)
			return false;
		initial->count++;
	}
	listing_set_position(initial, image->name, image->owner);
	return true;
}

size_t subscription_take(struct subscription *subscription, char *data, size_t size)
{
	size_t used = 0;
	while (subscription_is_behind(subscription) && subscription->steps > 0) {
		size_t length = 0;
		if (!(subscription->reader.is_idle ? subscription_list_next
						   : subscription_read_change)(
			    subscription, data + used, size - used, &length))
			break;
		used += length;
	}
	return used;
}
