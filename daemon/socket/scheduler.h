/*
 * Decides which connection is served next. Users take turns, and so do the connections of a user: a
 * user with more connections is not served more often.
 */
#pragma once

#include <stdbool.h>
#include <sys/queue.h>
#include <sys/types.h>

struct connection;

TAILQ_HEAD(scheduler_queue, connection);

/* A user with connections. */
struct scheduler_user {
	TAILQ_ENTRY(scheduler_user) link;   /* in users */
	TAILQ_ENTRY(scheduler_user) queued; /* in queue, while a connection is queued */
	uid_t uid;
	unsigned connections;
	struct scheduler_queue queue; /* connections that wait for a turn */
};

TAILQ_HEAD(scheduler_users, scheduler_user);

struct scheduler {
	struct scheduler_users users; /* all with connections */
	struct scheduler_users queue; /* those with queued connections */
};

void scheduler_init(struct scheduler *scheduler);

/* Adds a connection of a user. Returns 0 or -ENOMEM. */
int scheduler_add(struct scheduler *scheduler, struct connection *connection, uid_t uid);

/* Removes a connection, also from the queue. Ignores one that was not added. */
void scheduler_remove(struct scheduler *scheduler, struct connection *connection);

/* Puts a connection in the queue, unless it is queued already. */
void scheduler_enqueue(struct scheduler *scheduler, struct connection *connection);

/* Removes and returns the connection to serve next; NULL when none is queued. */
struct connection *scheduler_dequeue(struct scheduler *scheduler);

/* Whether no connection is queued. */
bool scheduler_is_empty(const struct scheduler *scheduler);
