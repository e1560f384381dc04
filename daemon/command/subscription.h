/*
 * A subscription: the queue of event lines that a session gets after WATCH. The queue is
 * limited: a session that does not read loses events, and an overflow event reports this.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/queue.h>

#include "daemon/store/observer.h"
#include "daemon/user/credentials.h"

struct glob;

struct subscription {
	struct observer observer; /* first: the observer is the subscription */
	bool active;		  /* it is in the store's list of observers */
	bool overflow;		  /* events were lost after those in the queue */
	const struct credentials *who;
	struct glob *glob; /* over names; NULL: all */
	char *data;	   /* the queue: whole lines */
	size_t length;
	void (*wake)(void *context); /* called when there are events to take */
	void *context;
};

/*
 * Starts a subscription to changes of the images that its owner can access, or gives it another
 * pattern. Returns 0 or -ENOMEM; then nothing has changed.
 */
int subscription_start(
	struct observer_list *observers, struct subscription *subscription, const char *pattern);
void subscription_stop(struct observer_list *observers, struct subscription *subscription);

/* The number of subscriptions among the observers. */
unsigned subscriptions_count(const struct observer_list *observers);

/* Moves whole lines out of the queue. Returns their bytes; 0 when there are none. */
size_t subscription_take(struct subscription *subscription, char *data, size_t size);
