/*
 * Answers that refuse a request.
 */
#include "daemon/command/call.h"

#include <stdarg.h>
#include <stdio.h>

#include "daemon/command/session.h"
#include "daemon/log/log.h"

/* An internal error is logged, whoever's request it was. */
static void call_log_failed(const struct session *session, const char *message)
{
	struct log_client client = {session->who.uid, session->who.pid};
	log_write(
		&(struct log_entry){LOG_ENTRY(WARNING, FAILED), .client = &client}, "%s", message);
}

enum outcome call_refuse(
	struct session *session, struct reply *reply, enum fault fault, const char *format, ...)
{
	char message[512];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(message, sizeof(message), format, arguments);
	va_end(arguments);
	session->engine->counters.errors++;
	if (fault == FAULT_INTERNAL)
		call_log_failed(session, message);
	reply_fault(reply, fault, "%s", message);
	return OUTCOME_DONE;
}

enum outcome call_refuse_cancelled(struct session *session, struct reply *reply)
{
	return call_refuse(session, reply, FAULT_CANCELLED, "the request was cancelled");
}

enum outcome call_refuse_pin(struct session *session, struct reply *reply)
{
	if (session_may_hold(session))
		return call_refuse_quota(session, reply, RESOURCE_PINS, 1);
	return call_refuse(session, reply, FAULT_OVER_QUOTA,
		"user %u keeps so many old images of others that user-bytes or user-images is "
		"reached; release pins on images that were replaced or dropped",
		session->who.uid);
}

enum outcome call_refuse_quota(
	struct session *session, struct reply *reply, enum resource resource, uint64_t amount)
{
	char text[160];
	accounts_explain(
		&session->engine->accounts, session->who.uid, resource, amount, text, sizeof(text));
	reply->fields = accounts_fields(&session->engine->accounts, session->who.uid, resource);
	return call_refuse(session, reply, FAULT_OVER_QUOTA, "%s", text);
}
