/*
 * Subscriptions.
 *
 * Each is an observer of the store and formats an event line for each change of an image that
 * its session can access. When a line does not fit, no more lines are added until the session
 * has read the whole queue: the event that reports the loss then stands where the loss was.
 */
#include "daemon/command/subscription.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "client/protocol/wire.h"
#include "daemon/base/glob.h"
#include "daemon/store/image.h"

enum { QUEUE_SIZE = 4 * WIRE_LINE_MAX };

static const char *const change_words[] = {
	[CHANGE_LOADED] = "loaded",
	[CHANGE_CHANGED] = "changed",
	[CHANGE_EVICTED] = "evicted",
	[CHANGE_DROPPED] = "dropped",
};

static bool subscription_matches(const struct subscription *subscription, const struct image *image)
{
	uint64_t steps = 0;
	return share_permits(subscription->who, image->owner, image->share, image->group) &&
	       (!subscription->glob || glob_matches(subscription->glob, image->name, &steps));
}

static void subscription_add(
	struct subscription *subscription, const struct image *image, enum change change)
{
	struct wire_writer line;
	size_t free_size = subscription->overflow ? 0 : QUEUE_SIZE - subscription->length;
	wire_begin(&line, subscription->data + subscription->length,
		free_size < WIRE_LINE_MAX ? free_size : WIRE_LINE_MAX, "EVENT");
	wire_add(&line, "type", change_words[change]);
	wire_add(&line, "name", image->name);
	wire_add_number(&line, "generation", TAILQ_FIRST(&image->generations)->number);
	wire_add_number(&line, "owner", image->owner);
	int length = wire_end(&line);
	if (length < 0)
		subscription->overflow = true;
	else
		subscription->length += (size_t)length;
	subscription->wake(subscription->context);
}

static void subscription_on_change(
	struct observer *observer, const struct image *image, enum change change)
{
	struct subscription *subscription = (struct subscription *)observer;
	if (subscription_matches(subscription, image))
		subscription_add(subscription, image, change);
}

static const struct observer_events subscription_events = {
	.changed = subscription_on_change,
};

int subscription_start(
	struct observer_list *observers, struct subscription *subscription, const char *pattern)
{
	struct glob *glob = pattern ? glob_compile(pattern) : NULL;
	char *data = subscription->data ? subscription->data : malloc(QUEUE_SIZE);
	if ((pattern && !glob) || !data) {
		glob_free(glob);
		if (!subscription->data)
			free(data);
		return -ENOMEM;
	}
	glob_free(subscription->glob);
	subscription->glob = glob;
	subscription->data = data;
	subscription->observer.events = &subscription_events;
	if (!subscription->active)
		TAILQ_INSERT_TAIL(observers, &subscription->observer, link);
	subscription->active = true;
	return 0;
}

void subscription_stop(struct observer_list *observers, struct subscription *subscription)
{
	if (subscription->active)
		TAILQ_REMOVE(observers, &subscription->observer, link);
	subscription->active = false;
	glob_free(subscription->glob);
	free(subscription->data);
	subscription->glob = NULL;
	subscription->data = NULL;
	subscription->length = 0;
}

unsigned subscriptions_count(const struct observer_list *observers)
{
	unsigned count = 0;
	const struct observer *observer;
	TAILQ_FOREACH (observer, observers, link)
		count += observer->events == &subscription_events;
	return count;
}

/* The bytes of the whole lines that fit. */
static size_t subscription_whole_lines(const struct subscription *subscription, size_t size)
{
	if (subscription->length <= size)
		return subscription->length;
	const char *newline = memrchr(subscription->data, '\n', size);
	return newline ? (size_t)(newline - subscription->data) + 1 : 0;
}

size_t subscription_take(struct subscription *subscription, char *data, size_t size)
{
	static const char lost[] = "EVENT type=overflow\n";
	size_t length = subscription_whole_lines(subscription, size);
	if (length > 0) {
		memcpy(data, subscription->data, length);
		subscription->length -= length;
		memmove(subscription->data, subscription->data + length, subscription->length);
		return length;
	}
	if (!subscription->overflow || subscription->length > 0 || size < sizeof(lost) - 1)
		return 0;
	subscription->overflow = false;
	memcpy(data, lost, sizeof(lost) - 1);
	return sizeof(lost) - 1;
}
