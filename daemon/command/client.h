/*
 * A client as the sockets know it: opens and closes its session, and has its user, its charge
 * and the queue that closes its files. session.h has the rest, for the commands only.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "daemon/file/close-queue.h"
#include "daemon/user/account.h"
#include "daemon/user/credentials.h"

struct engine;
struct session;
struct turn_times;

/*
 * Takes over *who. Returns 0; -EDQUOT when the user may have no more connections; -EBUSY when
 * the user's files are stuck; or -ENOMEM. After a failure *who stays the caller's.
 */
int session_open(struct session **opened, struct engine *engine, struct credentials *who);

/* Whether a user may have another connection now: else session_open() returns -EDQUOT. */
bool session_is_allowed(const struct engine *engine, uid_t uid);

/* Writes the message about the limit for which session_open() has returned -EDQUOT. */
struct fault_fields session_explain_limit(
	struct engine *engine, const struct credentials *who, char *text, size_t size);

/*
 * Cancels pending operations and releases pins: a limited number in one call. Returns whether none
 * is left. After the first call the session must not be used for requests.
 */
bool session_end(struct session *session);

/* As session_end() until none is left, then frees the session. */
void session_close(struct session *session);

/* The user, the accounts, and the queue that closes the user's files. They stay the session's. */
uid_t session_uid(const struct session *session);
struct accounts *session_accounts(const struct session *session);
struct close_queue *session_close_queue(const struct session *session);

/* Hands over the charge for the connection, which then outlives the session. */
struct charge session_take_charge(struct session *session);

/* Where STATS finds how long turns take. */
struct turn_times *session_turn_times(struct engine *engine);

/*
 * Sets the function that is called when a user no longer has too many files to close, or when all
 * threads that close the user's files hang; NULL: none.
 */
void session_on_files_changed(struct engine *engine, void (*changed)(void *context), void *context);
