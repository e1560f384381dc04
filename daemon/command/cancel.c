/*
 * CANCEL and NOOP: act on the other requests of their connection.
 *
 * The answer of CANCEL is deferred and then complete at once, so that it is sent after the answers
 * of the requests that it has ended. NOOP needs no work: dispatch_is_last() makes it wait.
 */
#include "daemon/command/handlers.h"
#include "daemon/command/session.h"

enum outcome command_noop(struct call *call)
{
	reply_begin(call->reply, "OK");
	reply_end(call->reply);
	return OUTCOME_DONE;
}

enum outcome command_cancel(struct call *call)
{
	struct session *session = call->session;
	struct reply *reply = call->reply->defer(call->reply);
	if (!reply)
		return refuse(call, FAULT_BUSY, "the daemon has no memory left");
	if (session_cancel(session, call->request->values[KEY_ID]) + call->cancelled > 0) {
		reply_begin(reply, "OK");
		reply_end(reply);
	} else {
		reply->fields.what = "request";
		call_refuse(session, reply, FAULT_NOT_FOUND,
			"no waiting request has this id; it may be answered already");
	}
	reply->complete(reply);
	return OUTCOME_LATER;
}
