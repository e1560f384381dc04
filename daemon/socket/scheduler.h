/*
 * Whose turn it is: users take turns, and within a user's turn that user's connections do, so
 * that nobody is served more for having more connections. Knows nothing of what a turn is.
 */
#pragma once

#include <stdbool.h>
#include <sys/queue.h>
#include <sys/types.h>

struct connection;

TAILQ_HEAD(turn_queue, connection);

/* A user with connections. */
struct turn_user {
	TAILQ_ENTRY(turn_user) link;   /* of all */
	TAILQ_ENTRY(turn_user) queued; /* of those that want a turn */
	uid_t uid;
	unsigned connections;
	struct turn_queue queue; /* connections that want a turn */
};

TAILQ_HEAD(turn_users, turn_user);

struct turns {
	struct turn_users users;
	struct turn_users queue;
};

void turns_init(struct turns *turns);

/* Gives a connection its user. Returns 0 or -ENOMEM. */
int turns_join(struct turns *turns, struct connection *connection, uid_t uid);

/* Takes it out again, also of the queue; without effect when it has no user. */
void turns_leave(struct turns *turns, struct connection *connection);

/* Puts a connection in the queue, if it is not there already. */
void turns_want(struct turns *turns, struct connection *connection);

/* Takes the connection whose turn it is from the queue; NULL when none wants one. */
struct connection *turns_next(struct turns *turns);

bool turns_wanted(const struct turns *turns);
