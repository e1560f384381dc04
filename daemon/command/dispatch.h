/*
 * From a request to its command handler. A handler gets who asks, what, and a reply to
 * fill; it knows neither sockets nor connections.
 */
#pragma once

#include "client/protocol/command.h"
#include "daemon/command/reply.h"

struct session;

enum outcome {
	OUTCOME_DONE,  /* the reply is complete */
	OUTCOME_LATER, /* it has been deferred */
	OUTCOME_MORE,  /* call again, in a later turn, when the reply has room */
};

struct call {
	struct session *session;
	const struct request *request;
	struct reply *reply;
	int fd; /* that came with the request, or -1; handed to be closed after the call unless
		   taken */
};

/* Answers a request. */
enum outcome dispatch(struct call *call);

/*
 * Whether answering such a request at once leaves alone all that an event loop waits for: only
 * what is there already is looked up and held.
 */
bool dispatch_is_quiet(const struct request *request);

/* Whether a request must wait until earlier ones of the session are answered. */
bool dispatch_must_wait(const struct session *session, const struct request *request);

/*
 * Events of a session that watches: whole lines, which may be sent between answers. wake is
 * called when there are some again.
 */
void dispatch_on_event(struct session *session, void (*wake)(void *context), void *context);
bool dispatch_has_watch(const struct session *session);
size_t dispatch_take_events(struct session *session, char *data, size_t size);

/* Answers a line that is no request, or cannot be taken. */
void dispatch_reject(
	struct session *session, struct reply *reply, enum fault fault, const char *text);

/* As dispatch_reject(), when the fault lies in a verb or key. */
void dispatch_reject_request(struct session *session, struct reply *reply, enum request_fault fault,
	const char *culprit);
