/*
 * Calls the handler of a request. Also says whether a request must wait, and hands over the
 * events of a session that watches.
 */
#pragma once

#include "daemon/command/call.h"

/* Answers a request. */
enum outcome dispatch(struct call *call);

/*
 * Whether answering a request changes nothing that the event loop waits for, because it only
 * finds and pins an image.
 */
bool dispatch_is_quiet(const struct request *request);

/* Whether a request must wait until all earlier ones of its connection are answered. */
bool dispatch_is_last(const struct request *request);

/* The id of the requests that a request cancels, or NULL. */
const char *dispatch_cancels(const struct request *request);

/* Whether a request can be cancelled while it waits. */
bool dispatch_can_cancel(const struct request *request);

/* Whether a request must wait until operations of the session have ended. */
bool dispatch_must_wait(const struct session *session, const struct request *request);

/*
 * Events of a session that watches: whole lines, which may be sent between answers. wake is
 * called when there are changes to look at, which may give events.
 *
 * Looking at changes is work of the session's own turns. So each turn begins with
 * dispatch_begin_turn(), after which dispatch_take_events() looks at a bounded number of changes.
 * When it has returned 0 and dispatch_is_behind() is still true, the next answer must wait for a
 * later turn: events of earlier changes come first.
 */
void dispatch_on_event(struct session *session, void (*wake)(void *context), void *context);
bool dispatch_has_watch(const struct session *session);
void dispatch_begin_turn(struct session *session);
size_t dispatch_take_events(struct session *session, char *data, size_t size);
bool dispatch_is_behind(const struct session *session);

/* Answers a line that is not a request, or that was not read. */
void dispatch_reject(
	struct session *session, struct reply *reply, enum fault fault, const char *text);

/* Answers a request that was cancelled before it was called. */
void dispatch_reject_cancelled(struct session *session, struct reply *reply);

/* As dispatch_reject(), for a wrong verb or key. */
void dispatch_reject_request(struct session *session, struct reply *reply, enum request_fault fault,
	const char *culprit);
