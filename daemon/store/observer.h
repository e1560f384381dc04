/*
 * Observers of the store: the code above the store that must know what happens to images. Each
 * embeds a struct observer and adds it to the store's list. The store calls them in the order
 * in which they were added, and does not know who they are.
 */
#pragma once

#include <sys/queue.h>

struct image;
struct observer;

enum change {
	CHANGE_LOADED,	/* the image has a name that was free before */
	CHANGE_CHANGED, /* a new generation, or a new image in the place of another */
	CHANGE_EVICTED, /* the image is about to go because room is needed */
	CHANGE_DROPPED, /* the image is about to go, by DROP or with its last user */
};

/*
 * An observer must not add or remove observers, nor insert, drop or evict images. It may cancel
 * loads. NULL is not called.
 */
struct observer_events {
	void (*changed)(struct observer *observer, const struct image *image, enum change change);

	/* A new image takes the name of another one, which is removed next. */
	void (*replaced)(struct observer *observer, struct image *old, struct image *replacement);

	/* An image is about to lose its name, for any reason. */
	void (*removed)(struct observer *observer, struct image *image);
};

struct observer {
	TAILQ_ENTRY(observer) link;
	const struct observer_events *events;
};

TAILQ_HEAD(observer_list, observer);

static inline void observers_notify_change(
	const struct observer_list *observers, const struct image *image, enum change change)
{
	struct observer *observer;
	TAILQ_FOREACH (observer, observers, link) {
		if (observer->events->changed)
			observer->events->changed(observer, image, change);
	}
}

static inline void observers_notify_replaced(
	const struct observer_list *observers, struct image *old, struct image *replacement)
{
	struct observer *observer;
	TAILQ_FOREACH (observer, observers, link) {
		if (observer->events->replaced)
			observer->events->replaced(observer, old, replacement);
	}
}

static inline void observers_notify_removed(
	const struct observer_list *observers, struct image *image)
{
	struct observer *observer;
	TAILQ_FOREACH (observer, observers, link) {
		if (observer->events->removed)
			observer->events->removed(observer, image);
	}
}
