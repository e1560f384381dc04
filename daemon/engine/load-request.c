/*
 * Requests for loads.
 */
#include "daemon/engine/load-request.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/base/tiny.h"
#include "daemon/engine/load.h"
#include "daemon/file/close-queue.h"

enum { LOADS_MAX = TINY(4096, 6) };

static struct load *load_request_begin(struct loader *loader, const struct load_order *order)
{
	struct load *load = calloc(1, sizeof(*load) + strlen(order->name) + 1);
	if (!load)
		return NULL;
	strcpy(load->name, order->name);
	load->order = *order;
	load->order.name = load->name;
	close_queue_hold(order->close_queue);
	load->segment = load->origin = -1;
	load->job.events = &load_events;
	load->job.uid = order->owner;
	load->job.format = order->format;
	load->job.box = order->box;
	TAILQ_INIT(&load->waiters);
	loader_add(loader, load);
	loader->counters->decodes++;
	pool_submit(loader->pool, &load->job);
	return load;
}

/* Finds the load with an equal order, or begins a new one. */
static int load_request_find_or_begin(
	struct loader *loader, const struct load_order *order, struct load **found)
{
	struct load *load = loader_find(loader, order);
	if (load) {
		close_queue_add(order->close_queue, order->input);
		if (order->keep >= 0)
			load->order.keep = order->keep;
		if (order->batch)
			load->order.batch = order->batch;
	} else {
		if (loader->count == LOADS_MAX)
			return -EBUSY;
		load = load_request_begin(loader, order);
		if (!load)
			return -ENOMEM;
	}
	*found = load;
	return 0;
}

int load_request_submit(
	struct loader *loader, const struct load_order *order, struct load_waiter *waiter)
{
	struct load *load;
	int r = accounts_charge(loader->accounts, &waiter->charge, order->owner, RESOURCE_LOADS, 1);
	if (r < 0)
		return r;
	r = load_request_find_or_begin(loader, order, &load);
	if (r < 0) {
		charge_refund(&waiter->charge);
		return r;
	}
	waiter->load = load;
	waiter->in_batch = order->batch > 0;
	TAILQ_INSERT_TAIL(&load->waiters, waiter, link);
	return 0;
}

/*
 * The rest of the batch was cancelled, but others wait for this load: it is decoded and published
 * by itself, when its turn comes.
 */
static void load_request_leave_batch(struct load *load)
{
	load->order.batch = 0;
	if (!load->ready)
		return;
	load->ready = false;
	load_discard(load);
	pool_submit(load->loader->pool, &load->job);
}

void load_request_cancel(struct load_waiter *waiter)
{
	struct load *load = waiter->load;
	TAILQ_REMOVE(&load->waiters, waiter, link);
	charge_refund(&waiter->charge);
	if (load->finishing || !TAILQ_EMPTY(&load->waiters)) {
		if (waiter->in_batch)
			load_request_leave_batch(load);
		return;
	}
	if (load->ready)
		pool_kick(load->loader->pool);
	else
		pool_cancel(load->loader->pool, &load->job);
	load_free(load);
}
