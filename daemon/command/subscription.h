/*
 * Watches: sessions that are told when images change. Each has a queue of its own, of event
 * lines and within a bound; who does not read loses events, and is told that too. Nobody
 * waits for a watcher, and nothing here knows how the lines are sent.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/queue.h>

#include "daemon/user/credentials.h"

struct image;

enum change {
	CHANGE_LOADED,	/* a name that was not there */
	CHANGE_CHANGED, /* a new generation, or a new image in the place of another */
	CHANGE_EVICTED, /* gone for want of room */
	CHANGE_DROPPED, /* gone by DROP, or with its last user */
};

struct subscription {
	TAILQ_ENTRY(subscription) link; /* while it is active */
	bool active;
	bool overflow;		       /* events were lost after those in the queue */
	const struct credentials *who; /* whose watch it is */
	char *pattern;		       /* glob over names; NULL: all */
	char *data;		       /* the queue: whole lines */
	size_t length;
	void (*wake)(void *context); /* told when the queue is no longer empty */
	void *context;
};

TAILQ_HEAD(subscription_list, subscription);

/*
 * Begins to watch, or watches by another pattern from now on. Returns 0 or -ENOMEM, which
 * changes nothing.
 */
int subscription_start(struct subscription_list *subscriptions, struct subscription *subscription,
	const char *pattern);
void subscription_stop(struct subscription_list *subscriptions, struct subscription *subscription);

/* Tells all who may see an image what becomes of it, before it is gone. */
void subscription_notify(
	struct subscription_list *subscriptions, const struct image *image, enum change change);

/* Moves whole lines out of the queue. Returns their bytes; 0 when there are none. */
size_t subscription_take(struct subscription *subscription, char *data, size_t size);
