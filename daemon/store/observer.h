/*
 * Observers of the store: the code above the store that must know what happens to images. Each
 * embeds a struct observer and adds it to the store's list. The store calls them in the order
 * in which they were added, and does not know who they are.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

#include "client/protocol/share.h"

struct image;
struct observer;

enum change {
	CHANGE_LOADED,	/* the image has a name that was free before */
	CHANGE_CHANGED, /* a new generation, or a new image in the place of another */
	CHANGE_EVICTED, /* the image is about to go because room is needed */
	CHANGE_DROPPED, /* the image is about to go, by DROP or with its last user */
};

/* What there was under a name: the generation, and who could access it. */
struct view {
	uint64_t generation; /* 0: no image */
	enum share share;
	gid_t group;
};

/*
 * An observer must not add or remove observers, nor insert, drop or evict images. It may cancel
 * loads. NULL is not called.
 */
struct observer_events {
	/*
	 * before is what had the name until now, which may be another image; NULL for an image that
	 * is about to go.
	 */
	void (*changed)(struct observer *observer, const struct image *image, enum change change,
		const struct view *before);

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

static inline void observers_notify_published(const struct observer_list *observers,
	const struct image *image, enum change change, const struct view *before)
{
	struct observer *observer;
	TAILQ_FOREACH (observer, observers, link) {
		if (observer->events->changed)
			observer->events->changed(observer, image, change, before);
	}
}

/* For an image that is about to go. */
static inline void observers_notify_change(
	const struct observer_list *observers, const struct image *image, enum change change)
{
	observers_notify_published(observers, image, change, NULL);
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
