/*
 * WATCH: subscribes the session to the changes of images, until the connection ends.
 */
#include "daemon/command/arguments.h"
#include "daemon/command/handlers.h"
#include "daemon/command/session.h"

enum outcome command_watch(struct call *call)
{
	struct session *session = call->session;
	const char *match = call->request->values[KEY_MATCH];
	if (!arguments_check_match(call))
		return OUTCOME_DONE;
	if (subscription_start(&session->engine->store.observers, &session->subscription, match) <
		0)
		return refuse(call, FAULT_BUSY, "the daemon has no memory left");
	reply_begin(call->reply, "OK");
	reply_end(call->reply);
	return OUTCOME_DONE;
}
