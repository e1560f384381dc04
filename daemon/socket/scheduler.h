/*
 * Whose turn it is: users take turns, and within a user's turn that user's connections do, so
 * that nobody is served more for having more connections. Knows nothing of what a turn is.
 */
#pragma once

#include <stdbool.h>
#include <sys/queue.h>
#include <sys/types.h>

struct connection;

TAILQ_HEAD(scheduler_queue, connection);

/* A user with connections. */
struct scheduler_user {
	TAILQ_ENTRY(scheduler_user) link;   /* of all */
	TAILQ_ENTRY(scheduler_user) queued; /* of those that want a turn */
	uid_t uid;
	unsigned connections;
	struct scheduler_queue queue; /* connections that want a turn */
};

TAILQ_HEAD(scheduler_users, scheduler_user);

struct scheduler {
	struct scheduler_users users;
	struct scheduler_users queue;
};

void scheduler_init(struct scheduler *scheduler);

/* Gives a connection its user. Returns 0 or -ENOMEM. */
int scheduler_join(struct scheduler *scheduler, struct connection *connection, uid_t uid);

/* Takes it out again, also of the queue; without effect when it has no user. */
void scheduler_leave(struct scheduler *scheduler, struct connection *connection);

/* Puts a connection in the queue, if it is not there already. */
void scheduler_want(struct scheduler *scheduler, struct connection *connection);

/* Takes the connection whose turn it is from the queue; NULL when none wants one. */
struct connection *scheduler_next(struct scheduler *scheduler);

bool scheduler_wanted(const struct scheduler *scheduler);
