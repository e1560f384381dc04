/*
 * Watches: who is told when images change.
 * See watch.h for what it does and never does.
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

int watch_start(struct watch_list *watches, struct watch *watch, const char *pattern)
{
	char *copy = pattern ? strdup(pattern) : NULL;
	char *data = watch->data ? watch->data : malloc(QUEUE_SIZE);
	if ((pattern && !copy) || !data) {
		free(copy);
		if (!watch->data)
			free(data);
		return -ENOMEM;
	}
	free(watch->pattern);
	watch->pattern = copy;
	watch->data = data;
	if (!watch->active)
		TAILQ_INSERT_TAIL(watches, watch, link);
	watch->active = true;
	return 0;
}

void watch_stop(struct watch_list *watches, struct watch *watch)
{
	if (watch->active)
		TAILQ_REMOVE(watches, watch, link);
	watch->active = false;
	free(watch->pattern);
	free(watch->data);
	watch->pattern = NULL;
	watch->data = NULL;
	watch->length = 0;
}

static bool subscription_is_meant(const struct watch *watch, const struct image *image)
{
	return share_permits(watch->who, image->owner, image->share, image->group) &&
	       (!watch->pattern || glob_matches(watch->pattern, image->name));
}

/* After a loss nothing is added until the reader has caught up: the loss comes first then. */
static void subscription_add(struct watch *watch, const struct image *image, enum change change)
{
	struct wire_writer line;
	size_t room = watch->overflow ? 0 : QUEUE_SIZE - watch->length;
	wire_begin(&line, watch->data + watch->length, room < WIRE_LINE_MAX ? room : WIRE_LINE_MAX,
		"EVENT");
	wire_add(&line, "type", change_words[change]);
	wire_add(&line, "name", image->name);
	wire_add_number(&line, "generation", TAILQ_FIRST(&image->generations)->number);
	wire_add_number(&line, "owner", image->owner);
	int length = wire_end(&line);
	if (length < 0)
		watch->overflow = true;
	else
		watch->length += (size_t)length;
	watch->wake(watch->context);
}

void watch_tell(struct watch_list *watches, const struct image *image, enum change change)
{
	struct watch *watch;
	TAILQ_FOREACH (watch, watches, link) {
		if (subscription_is_meant(watch, image))
			subscription_add(watch, image, change);
	}
}

/* The bytes of the whole lines that fit. */
static size_t subscription_whole_lines(const struct watch *watch, size_t size)
{
	if (watch->length <= size)
		return watch->length;
	const char *newline = memrchr(watch->data, '\n', size);
	return newline ? (size_t)(newline - watch->data) + 1 : 0;
}

size_t watch_take(struct watch *watch, char *data, size_t size)
{
	static const char lost[] = "EVENT type=overflow\n";
	size_t length = subscription_whole_lines(watch, size);
	if (length > 0) {
		memcpy(data, watch->data, length);
		watch->length -= length;
		memmove(watch->data, watch->data + length, watch->length);
		return length;
	}
	if (!watch->overflow || watch->length > 0 || size < sizeof(lost) - 1)
		return 0;
	watch->overflow = false;
	memcpy(data, lost, sizeof(lost) - 1);
	return sizeof(lost) - 1;
}
