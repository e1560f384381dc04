/*
 * From a request to its handler.
 *
 * Loads of different images run side by side. Any other command waits until the earlier
 * requests of its session are answered, so that it sees their effects.
 */
#include "daemon/command/dispatch.h"

#include <string.h>

#include "daemon/command/handlers.h"
#include "daemon/command/session.h"

enum { PENDING_MAX = 32 };

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

bool dispatch_must_wait(const struct session *session, const struct request *request)
{
	const struct pending *pending;
	unsigned count = 0;
	if (TAILQ_EMPTY(&session->pending))
		return false;
	/* At the user's limit, a LOAD waits for the session's own loads to end. */
	if (request->command != COMMAND_LOAD ||
		!accounts_allow(&session->engine->accounts, session->who.uid, RESOURCE_LOADS, 1))
		return true;
	const char *name = request->values[KEY_NAME];
	if (!name)
		name = request->values[KEY_PATH];
	TAILQ_FOREACH (pending, &session->pending, link) {
		if (!name || strcmp(pending->name, name) == 0 || ++count == PENDING_MAX)
			return true;
	}
	return false;
}

void dispatch_on_event(struct session *session, void (*wake)(void *context), void *context)
{
	session->subscription.wake = wake;
	session->subscription.context = context;
}

bool dispatch_has_watch(const struct session *session)
{
	return session->subscription.active;
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
		call_refuse(session, reply, FAULT_PROTOCOL, "unknown command %.64s", culprit);
	else if (fault == REQUEST_UNKNOWN_KEY)
		call_refuse(
			session, reply, FAULT_PROTOCOL, "this command has no key %.64s=", culprit);
	else
		call_refuse(
			session, reply, FAULT_INVALID_ARGUMENT, "%s= is missing; add it", culprit);
}
