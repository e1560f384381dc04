/*
 * From a request to its handler.
 *
 * A request with an id waits for no other, except at a limit. Without an id, loads of different
 * images run side by side; any other command waits until the earlier requests without an id are
 * answered, so that it sees their effects.
 */
#include "daemon/command/dispatch.h"

#include <string.h>

#include "daemon/base/tiny.h"
#include "daemon/command/handlers.h"
#include "daemon/command/session.h"

enum { PENDING_MAX = TINY(32, 3) };

static enum outcome (*const handlers[COMMAND_COUNT])(struct call *call) = {
#define X(constant, lower, required, optional, help) [COMMAND_##constant] = command_##lower,
	COMMAND_TABLE(X)
#undef X
};

enum outcome dispatch(struct call *call)
{
	enum outcome outcome = handlers[call->request->command](call);
	close_queue_drop(call->session->close_queue, &call->fd);
	return outcome;
}

bool dispatch_is_quiet(const struct request *request)
{
	return request->command == COMMAND_FETCH;
}

bool dispatch_is_last(const struct request *request)
{
	return request->command == COMMAND_NOOP;
}

const char *dispatch_cancels(const struct request *request)
{
	return request->command == COMMAND_CANCEL ? request->values[KEY_ID] : NULL;
}

bool dispatch_can_cancel(const struct request *request)
{
	return request->command == COMMAND_LOAD;
}

/* Whether an earlier request without an id is under way, under this name unless it is NULL. */
static bool dispatch_has_ordered(const struct session *session, const char *name)
{
	const struct pending *pending;
	TAILQ_FOREACH (pending, &session->pending, link) {
		if (!*pending->id && (!name || strcmp(pending->name, name) == 0))
			return true;
	}
	return false;
}

/* At a limit, a LOAD waits for the session's own loads to end. */
static bool dispatch_is_at_limit(const struct session *session)
{
	const struct pending *pending;
	unsigned count = 0;
	TAILQ_FOREACH (pending, &session->pending, link)
		count++;
	return count >= PENDING_MAX ||
	       !accounts_allow(&session->engine->accounts, session->who.uid, RESOURCE_LOADS, 1);
}

bool dispatch_must_wait(const struct session *session, const struct request *request)
{
	if (TAILQ_EMPTY(&session->pending))
		return false;
	bool ordered = !request->values[KEY_ID];
	if (request->command != COMMAND_LOAD)
		return ordered && dispatch_has_ordered(session, NULL);
	const char *name = request->values[KEY_NAME];
	if (!name)
		name = request->values[KEY_PATH];
	return dispatch_is_at_limit(session) || (ordered && dispatch_has_ordered(session, name));
}

void dispatch_on_event(struct session *session, void (*wake)(void *context), void *context)
{
	session->subscription.wake = wake;
	session->subscription.context = context;
}

bool dispatch_has_watch(const struct session *session)
{
	return session->subscription.store != NULL;
}

void dispatch_begin_turn(struct session *session)
{
	subscription_begin_turn(&session->subscription);
}

bool dispatch_is_behind(const struct session *session)
{
	return subscription_is_behind(&session->subscription);
}

size_t dispatch_take_events(struct session *session, char *data, size_t size)
{
	return subscription_take(&session->subscription, data, size);
}

void dispatch_reject(
	struct session *session, struct reply *reply, enum fault fault, const char *text)
{
	call_refuse(session, reply, fault, "%s", text);
}

void dispatch_reject_request(
	struct session *session, struct reply *reply, enum request_fault fault, const char *culprit)
{
	if (fault == REQUEST_UNKNOWN_VERB)
		reply->fields.verb = culprit;
	else
		reply->fields.key = culprit;
	switch (fault) {
	case REQUEST_UNKNOWN_VERB:
		call_refuse(session, reply, FAULT_UNSUPPORTED, "unknown command %.64s", culprit);
		break;
	case REQUEST_UNKNOWN_KEY:
		call_refuse(session, reply, FAULT_UNSUPPORTED,
			"this command has no key %.64s=", culprit);
		break;
	case REQUEST_INVALID_ID:
		call_refuse(session, reply, FAULT_INVALID_ARGUMENT,
			"id= must have 1 to %d printable ASCII characters", ID_LENGTH_MAX);
		break;
	case REQUEST_INVALID_QUIET:
		call_refuse(session, reply, FAULT_INVALID_ARGUMENT, "quiet= must be ok");
		break;
	case REQUEST_MISSING_KEY:
	case REQUEST_GOOD:
		call_refuse(
			session, reply, FAULT_INVALID_ARGUMENT, "%s= is missing; add it", culprit);
	}
}

void dispatch_reject_cancelled(struct session *session, struct reply *reply)
{
	call_refuse_cancelled(session, reply);
}
