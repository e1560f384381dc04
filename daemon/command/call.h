/*
 * One call of a command handler: the client's session, its request, and the reply to fill.
 */
#pragma once

#include "client/protocol/command.h"
#include "daemon/command/reply.h"
#include "daemon/user/account.h"

struct session;

enum outcome {
	OUTCOME_DONE,  /* the reply is complete */
	OUTCOME_LATER, /* the reply was deferred */
	OUTCOME_MORE,  /* call again, in a later turn, when the reply has room */
};

struct call {
	struct session *session;
	const struct request *request;
	struct reply *reply;
	int fd; /* that came with the request, or -1; closed after the call unless taken */
	unsigned cancelled; /* requests that CANCEL has ended before they were called */
};

/* Answers that the value of a key is wrong, or that the key is missing. */
#define refuse_key(call, wrong, ...)                       \
	((call)->reply->fields.key = key_to_string(wrong), \
		refuse(call, FAULT_INVALID_ARGUMENT, __VA_ARGS__))

/* Answers that there is no such image, rendition, pin, file or request: what says which. */
#define refuse_missing(call, thing, ...) \
	((call)->reply->fields.what = (thing), refuse(call, FAULT_NOT_FOUND, __VA_ARGS__))

/* Answers with an error and counts it. */
#define refuse(call, ...) call_refuse((call)->session, (call)->reply, __VA_ARGS__)
enum outcome call_refuse(struct session *session, struct reply *reply, enum fault fault,
	const char *format, ...) __attribute__((format(printf, 4, 5)));

enum outcome call_refuse_cancelled(struct session *session, struct reply *reply);

/* Answers that the session's user may not pin one more rendition: session_pin() gave -EDQUOT. */
enum outcome call_refuse_pin(struct session *session, struct reply *reply);

/* Answers that a limit of the session's user does not allow so much more of a resource. */
enum outcome call_refuse_quota(
	struct session *session, struct reply *reply, enum resource resource, uint64_t amount);
