/*
 * A client as the sockets know it: a session that is opened and closed, whose it is, and the
 * queue that closes its files. What a session holds is in session.h, for the commands alone.
 */
#pragma once

#include <stddef.h>

#include "daemon/file/close-queue.h"
#include "daemon/user/account.h"
#include "daemon/user/credentials.h"

struct engine;
struct session;

/*
 * Takes who over. Returns 0; -EDQUOT when the user may have no more connections; -EBUSY when
 * the user's files are stuck; or -ENOMEM. After a failure who stays the caller's.
 */
int session_open(struct session **opened, struct engine *engine, struct credentials *who);

/* Says which limit session_open() returned -EDQUOT for. */
void session_explain_limit(
	struct engine *engine, const struct credentials *who, char *text, size_t size);

/* Releases all pins, cancels what is pending, and frees the session. */
void session_close(struct session *session);

/* The user, and the queue that closes the user's files. They stay the session's. */
uid_t session_uid(const struct session *session);
struct close_queue *session_close_queue(const struct session *session);

/* Hands over the charge for the connection, which then outlives the session. */
struct charge session_take_charge(struct session *session);

/*
 * changed is called when a user who had too many files to close has few, or none of them is
 * closed any more; NULL ends that.
 */
void session_on_files_changed(struct engine *engine, void (*changed)(void *context), void *context);
