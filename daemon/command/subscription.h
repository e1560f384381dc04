/*
 * A subscription: what WATCH asks for. It reads the store's log of changes, and makes an event
 * line of each change that its session can see and whose name matches. A session that does not
 * read its events falls behind, until changes are lost; an overflow event reports this. With
 * initial=yes, it also makes an event of each image that is there already.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/store/store.h"

struct glob;
struct listing;

struct subscription {
	struct change_reader reader; /* first: the reader is the subscription */
	struct store *store;	     /* NULL: not started */
	struct listing *initial;     /* of the images that are there; NULL: none, or complete */
	struct glob *glob;	     /* over names; NULL: all */
	uint64_t steps;		     /* that are left of this turn */
	void (*wake)(void *context); /* called when there are changes to look at */
	void *context;
};

/*
 * Starts a subscription to changes of the images that its session can access, or begins it anew
 * with another pattern. Returns 0 or -ENOMEM; then nothing has changed.
 */
int subscription_start(
	struct subscription *subscription, struct store *store, const char *pattern, bool initial);

/* Ends it, if it was started. */
void subscription_stop(struct subscription *subscription);

/* Gives it the steps of a turn. */
void subscription_begin_turn(struct subscription *subscription);

/* Whether there are changes or images that it has not looked at. */
bool subscription_is_behind(const struct subscription *subscription);

/*
 * Looks at changes and images while the turn has steps, and writes events. Returns their bytes,
 * whole lines; 0 when there are none, when the next one does not fit, or when no step is left.
 */
size_t subscription_take(struct subscription *subscription, char *data, size_t size);
