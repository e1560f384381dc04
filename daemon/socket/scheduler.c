/*
 * A queue of users, each with a queue of connections. A user whose connection was served goes to
 * the end of the queue of users.
 */
#include "daemon/socket/scheduler.h"

#include <errno.h>
#include <stdlib.h>

#include "daemon/socket/connection.h"

void scheduler_init(struct scheduler *scheduler)
{
	TAILQ_INIT(&scheduler->users);
	TAILQ_INIT(&scheduler->queue);
}

static struct scheduler_user *scheduler_find_or_add_user(struct scheduler *scheduler, uid_t uid)
{
	struct scheduler_user *user;
	TAILQ_FOREACH (user, &scheduler->users, link) {
		if (user->uid == uid)
			return user;
	}
	user = calloc(1, sizeof(*user));
	if (!user)
		return NULL;
	user->uid = uid;
	TAILQ_INIT(&user->queue);
	TAILQ_INSERT_TAIL(&scheduler->users, user, link);
	return user;
}

int scheduler_add(struct scheduler *scheduler, struct connection *connection, uid_t uid)
{
	connection->user = scheduler_find_or_add_user(scheduler, uid);
	if (!connection->user)
		return -ENOMEM;
	connection->user->connections++;
	return 0;
}

/* Removes a connection from its user's queue; with the last one, the user from the queue. */
static void scheduler_unqueue(struct scheduler *scheduler, struct connection *connection)
{
	struct scheduler_user *user = connection->user;
	TAILQ_REMOVE(&user->queue, connection, queued);
	connection->is_queued = false;
	if (TAILQ_EMPTY(&user->queue))
		TAILQ_REMOVE(&scheduler->queue, user, queued);
}

void scheduler_remove(struct scheduler *scheduler, struct connection *connection)
{
	struct scheduler_user *user = connection->user;
	if (!user)
		return;
	if (connection->is_queued)
		scheduler_unqueue(scheduler, connection);
	connection->user = NULL;
	if (--user->connections > 0)
		return;
	TAILQ_REMOVE(&scheduler->users, user, link);
	free(user);
}

void scheduler_enqueue(struct scheduler *scheduler, struct connection *connection)
{
	struct scheduler_user *user = connection->user;
	if (connection->is_queued)
		return;
	if (TAILQ_EMPTY(&user->queue))
		TAILQ_INSERT_TAIL(&scheduler->queue, user, queued);
	TAILQ_INSERT_TAIL(&user->queue, connection, queued);
	connection->is_queued = true;
}

struct connection *scheduler_dequeue(struct scheduler *scheduler)
{
	struct scheduler_user *user = TAILQ_FIRST(&scheduler->queue);
	if (!user)
		return NULL;
	struct connection *connection = TAILQ_FIRST(&user->queue);
	/* The user goes to the end; scheduler_unqueue() removes it if nothing else is queued. */
	TAILQ_REMOVE(&scheduler->queue, user, queued);
	TAILQ_INSERT_TAIL(&scheduler->queue, user, queued);
	scheduler_unqueue(scheduler, connection);
	return connection;
}

bool scheduler_is_empty(const struct scheduler *scheduler)
{
	return TAILQ_EMPTY(&scheduler->queue);
}
