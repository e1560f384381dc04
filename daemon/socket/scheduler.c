/*
 * Whose turn it is.
 * See turns.h for what it does and never does.
 */
#include "daemon/socket/scheduler.h"

#include <errno.h>
#include <stdlib.h>

#include "daemon/socket/connection.h"

void turns_init(struct turns *turns)
{
	TAILQ_INIT(&turns->users);
	TAILQ_INIT(&turns->queue);
}

static struct turn_user *scheduler_find_or_make(struct turns *turns, uid_t uid)
{
	struct turn_user *user;
	TAILQ_FOREACH (user, &turns->users, link) {
		if (user->uid == uid)
			return user;
	}
	user = calloc(1, sizeof(*user));
	if (!user)
		return NULL;
	user->uid = uid;
	TAILQ_INIT(&user->queue);
	TAILQ_INSERT_TAIL(&turns->users, user, link);
	return user;
}

int turns_join(struct turns *turns, struct connection *connection, uid_t uid)
{
	connection->user = scheduler_find_or_make(turns, uid);
	if (!connection->user)
		return -ENOMEM;
	connection->user->connections++;
	return 0;
}

/* Takes a connection out of its user's queue, and the user out of the queue with the last. */
static void scheduler_take(struct turns *turns, struct connection *connection)
{
	struct turn_user *user = connection->user;
	TAILQ_REMOVE(&user->queue, connection, queued);
	connection->is_queued = false;
	if (TAILQ_EMPTY(&user->queue))
		TAILQ_REMOVE(&turns->queue, user, queued);
}

void turns_leave(struct turns *turns, struct connection *connection)
{
	struct turn_user *user = connection->user;
	if (!user)
		return;
	if (connection->is_queued)
		scheduler_take(turns, connection);
	connection->user = NULL;
	if (--user->connections > 0)
		return;
	TAILQ_REMOVE(&turns->users, user, link);
	free(user);
}

void turns_want(struct turns *turns, struct connection *connection)
{
	struct turn_user *user = connection->user;
	if (connection->is_queued)
		return;
	if (TAILQ_EMPTY(&user->queue))
		TAILQ_INSERT_TAIL(&turns->queue, user, queued);
	TAILQ_INSERT_TAIL(&user->queue, connection, queued);
	connection->is_queued = true;
}

struct connection *turns_next(struct turns *turns)
{
	struct turn_user *user = TAILQ_FIRST(&turns->queue);
	if (!user)
		return NULL;
	struct connection *connection = TAILQ_FIRST(&user->queue);
	/* After its turn a user comes last, if there is more to do for it. */
	TAILQ_REMOVE(&turns->queue, user, queued);
	TAILQ_INSERT_TAIL(&turns->queue, user, queued);
	scheduler_take(turns, connection);
	return connection;
}

bool turns_wanted(const struct turns *turns)
{
	return !TAILQ_EMPTY(&turns->queue);
}
