/*
 * Requests for loads: a request joins a load that is under way or begins one. A cancelled request
 * leaves its load.
 */
#pragma once

#include "daemon/engine/loader.h"

/*
 * Submits a load; uid, pid and done of the waiter are set. Returns 0; -EBUSY when too many
 * loads are under way; -EDQUOT when the owner has too many; or -ENOMEM. After a failure
 * order->input stays the caller's.
 */
int load_request_submit(
	struct loader *loader, const struct load_order *order, struct load_waiter *waiter);

/* Leaves the load; done() is not called. A load without waiters is cancelled. */
void load_request_cancel(struct load_waiter *waiter);
