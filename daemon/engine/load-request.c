/*
 * Loads that wait for a flight.
 * See load.h for what it does and never does.
 */
#include "daemon/engine/load-request.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/engine/load.h"
#include "daemon/store/publish.h"

enum { FLIGHTS_MAX = 4096 };

static bool load_request_same_order(const struct load_order *a, const struct load_order *b)
{
	return a->owner == b->owner && strcmp(a->name, b->name) == 0 && a->format == b->format &&
	       a->box.width == b->box.width && a->box.height == b->box.height &&
	       a->share == b->share && a->group == b->group && source_equal(&a->source, &b->source);
}

static struct flight *load_request_begin(struct engine *engine, const struct load_order *order)
{
	struct flight *flight = calloc(1, sizeof(*flight) + strlen(order->name) + 1);
	if (!flight)
		return NULL;
	strcpy(flight->name, order->name);
	flight->engine = engine;
	flight->order = *order;
	flight->order.name = flight->name;
	close_queue_hold(order->close_queue);
	flight->segment = flight->origin = -1;
	flight->job.events = &flight_events;
	flight->job.uid = order->owner;
	flight->job.format = order->format;
	flight->job.box = order->box;
	TAILQ_INIT(&flight->loads);
	TAILQ_INSERT_TAIL(&engine->flights, flight, link);
	engine->flight_count++;
	engine->counters.decodes++;
	pool_submit(&engine->pool, &flight->job);
	return flight;
}

/* The flight of an order, perhaps a new one. */
static int load_request_find_or_begin(
	struct engine *engine, const struct load_order *order, struct flight **found)
{
	struct flight *flight;
	TAILQ_FOREACH (flight, &engine->flights, link) {
		if (load_request_same_order(&flight->order, order))
			break;
	}
	if (flight) {
		close_queue_add(order->close_queue, order->input);
		if (order->keep >= 0)
			flight->order.keep = order->keep;
		if (order->together)
			flight->order.together = order->together;
	} else {
		if (engine->flight_count == FLIGHTS_MAX)
			return -EBUSY;
		flight = load_request_begin(engine, order);
		if (!flight)
			return -ENOMEM;
	}
	*found = flight;
	return 0;
}

int load_join(struct engine *engine, const struct load_order *order, struct load *load)
{
	struct flight *flight;
	int r = accounts_charge(&engine->accounts, &load->charge, order->owner, RESOURCE_LOADS, 1);
	if (r < 0)
		return r;
	r = load_request_find_or_begin(engine, order, &flight);
	if (r < 0) {
		charge_refund(&load->charge);
		return r;
	}
	load->flight = flight;
	TAILQ_INSERT_TAIL(&flight->loads, load, in_flight);
	if (load->session)
		TAILQ_INSERT_TAIL(&load->session->loads, load, in_session);
	return 0;
}

/* What it was to be published with comes no more; it waits for its turn of being published. */
static void load_request_go_alone(struct flight *flight)
{
	flight->order.together = 0;
	if (!flight->ready)
		return;
	flight->ready = false;
	flight_discard(flight);
	pool_submit(&flight->engine->pool, &flight->job);
}

void load_cancel(struct load *load)
{
	struct flight *flight = load->flight;
	bool alone = !load->session;
	load_free(load);
	if (!TAILQ_EMPTY(&flight->loads)) {
		if (alone)
			load_request_go_alone(flight);
		return;
	}
	if (flight->ready)
		pool_kick(&flight->engine->pool);
	else
		pool_cancel(&flight->engine->pool, &flight->job);
	flight_free(flight);
}

bool load_is_of(const struct load *load, const char *name)
{
	return strcmp(load->flight->name, name) == 0;
}

void load_free(struct load *load)
{
	TAILQ_REMOVE(&load->flight->loads, load, in_flight);
	if (load->session)
		TAILQ_REMOVE(&load->session->loads, load, in_session);
	follow_free(load->follow);
	charge_refund(&load->pin_charge);
	charge_refund(&load->charge);
	free(load);
}
