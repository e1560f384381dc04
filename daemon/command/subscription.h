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

struct watch {
	TAILQ_ENTRY(watch) link; /* while it is active */
	bool active;
	bool overflow;		       /* events were lost after those in the queue */
	const struct credentials *who; /* whose watch it is */
	char *pattern;		       /* glob over names; NULL: all */
	char *data;		       /* the queue: whole lines */
	size_t length;
	void (*wake)(void *context); /* told when the queue is no longer empty */
	void *context;
};

TAILQ_HEAD(watch_list, watch);

/*
 * Begins to watch, or watches by another pattern from now on. Returns 0 or -ENOMEM, which
 * changes nothing.
 */
int watch_start(struct watch_list *watches, struct watch *watch, const char *pattern);
void watch_stop(struct watch_list *watches, struct watch *watch);

/* Tells all who may see an image what becomes of it, before it is gone. */
void watch_tell(struct watch_list *watches, const struct image *image, enum change change);

/* Moves whole lines out of the queue. Returns their bytes; 0 when there are none. */
size_t watch_take(struct watch *watch, char *data, size_t size);
