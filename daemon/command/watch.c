/*
 * WATCH and UNWATCH: subscribe the session to the changes of images, and end this.
 */
#include <errno.h>
#include <string.h>

#include "daemon/command/arguments.h"
#include "daemon/command/handlers.h"
#include "daemon/command/session.h"

enum { PATTERN_UNIT = 64 }; /* bytes of a pattern that count as one more watch */

enum outcome command_watch(struct call *call)
{
	struct session *session = call->session;
	const char *match = call->request->values[KEY_MATCH];
	bool initial;
	if (!arguments_check_match(call) ||
		!arguments_read_flag(call, KEY_INITIAL, false, &initial))
		return OUTCOME_DONE;
	/* Every change costs more the longer the pattern is. */
	uint64_t amount = 1 + (match ? strlen(match) / PATTERN_UNIT : 0);
	struct charge charge = {0};
	int r = accounts_charge(
		&session->engine->accounts, &charge, session->who.uid, RESOURCE_WATCHES, amount);
	if (r == -EDQUOT)
		return call_refuse_quota(session, call->reply, RESOURCE_WATCHES, amount);
	if (r == 0)
		r = subscription_start(
			&session->subscription, &session->engine->store, match, initial);
	if (r < 0) {
		charge_refund(&charge);
		return refuse(call, FAULT_BUSY, "the daemon has no memory left");
	}
	charge_refund(&session->watch_charge); /* of the one that it replaces */
	session->watch_charge = charge;
	reply_begin(call->reply, "OK");
	reply_end(call->reply);
	return OUTCOME_DONE;
}

enum outcome command_unwatch(struct call *call)
{
	subscription_stop(&call->session->subscription);
	charge_refund(&call->session->watch_charge);
	reply_begin(call->reply, "OK");
	reply_end(call->reply);
	return OUTCOME_DONE;
}
