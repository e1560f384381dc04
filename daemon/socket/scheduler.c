/*
 * Whose turn it is.
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

static struct scheduler_user *scheduler_find_or_make(struct scheduler *scheduler, uid_t uid)
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

int scheduler_join(struct scheduler *scheduler, struct connection *connection, uid_t uid)
{
	connection->user = scheduler_find_or_make(scheduler, uid);
	if (!connection->user)
		return -ENOMEM;
	connection->user->connections++;
	return 0;
}

/* Takes a connection out of its user's queue, and the user out of the queue with the last. */
static void scheduler_take(struct scheduler *scheduler, struct connection *connection)
{
	struct scheduler_user *user = connection->user;
	TAILQ_REMOVE(&user->queue, connection, queued);
	connection->is_queued = false;
	if (TAILQ_EMPTY(&user->queue))
		TAILQ_REMOVE(&scheduler->queue, user, queued);
}

void scheduler_leave(struct scheduler *scheduler, struct connection *connection)
{
	struct scheduler_user *user = connection->user;
	if (!user)
		return;
	if (connection->is_queued)
		scheduler_take(scheduler, connection);
	connection->user = NULL;
	if (--user->connections > 0)
		return;
	TAILQ_REMOVE(&scheduler->users, user, link);
	free(user);
}

void scheduler_want(struct scheduler *scheduler, struct connection *connection)
{
	struct scheduler_user *user = connection->user;
	if (connection->is_queued)
		return;
	if (TAILQ_EMPTY(&user->queue))
		TAILQ_INSERT_TAIL(&scheduler->queue, user, queued);
	TAILQ_INSERT_TAIL(&user->queue, connection, queued);
	connection->is_queued = true;
}

struct connection *scheduler_next(struct scheduler *scheduler)
{
	struct scheduler_user *user = TAILQ_FIRST(&scheduler->queue);
	if (!user)
		return NULL;
	struct connection *connection = TAILQ_FIRST(&user->queue);
	/* After its turn a user comes last, if there is more to do for it. */
	TAILQ_REMOVE(&scheduler->queue, user, queued);
	TAILQ_INSERT_TAIL(&scheduler->queue, user, queued);
	scheduler_take(scheduler, connection);
	return connection;
}

bool scheduler_wanted(const struct scheduler *scheduler)
{
	return !TAILQ_EMPTY(&scheduler->queue);
}
