/*
 * LOAD pins every image that it loads with keep=attached, and the image is dropped with its last
 * pin. So the only images of this kind without a pin are those that were taken over. The walk
 * through all images looks at a few of them at a time.
 */
#include "daemon/engine/attached.h"

#include <stdbool.h>
#include <string.h>

#include "daemon/base/tiny.h"
#include "daemon/store/lifetime.h"

enum { RETURN_USEC = 10000000, ACCURACY_USEC = 100000, BATCH = TINY(64, 1) /* images */ };

static bool attached_was_left(const struct image *image)
{
	return image->keep == KEEP_ATTACHED && image->pin_count == 0;
}

/* Drops the images among the next ones. Returns whether there are more images. */
static bool attached_drop_next(struct attached *attached)
{
	struct store *store = attached->store;
	struct image *image =
		store_next(store, *attached->name ? attached->name : NULL, attached->owner);
	for (int i = 0; image && i < BATCH; i++) {
		strcpy(attached->name, image->name);
		attached->owner = image->owner;
		if (attached_was_left(image)) {
			observers_notify_change(&store->observers, image, CHANGE_DROPPED);
			image_drop(store, image);
		}
		image = store_next(store, attached->name, attached->owner);
	}
	return image;
}

static int attached_on_timer(sd_event_source *source, uint64_t usec, void *context)
{
	struct attached *attached = context;
	(void)usec;
	if (!attached_drop_next(attached))
		return 0;
	sd_event_source_set_time(source, 0);
	return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

int attached_start(struct attached *attached, sd_event *event, struct store *store)
{
	*attached = (struct attached){.store = store};
	return sd_event_add_time_relative(event, &attached->timer, CLOCK_MONOTONIC, RETURN_USEC,
		ACCURACY_USEC, attached_on_timer, attached);
}

void attached_stop(struct attached *attached)
{
	attached->timer = sd_event_source_disable_unref(attached->timer);
}
