/*
 * The way from a request to its handler, and what its session's turn must know: whether the
 * request must wait, and the events of a session that watches.
 */
#pragma once

#include "daemon/command/call.h"

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
