/*
 * Requests of the library's caller.
 */
#include "client/lib/call.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "client/lib/exchange.h"
#include "client/lib/reconnect.h"
#include "client/lib/record.h"
#include "client/lib/release.h"
#include "client/lib/round-trip.h"
#include "client/protocol/name.h"

/* Whether another call may have pinned an image of this name, or may pin it soon. */
static bool call_is_subject(const struct shmimg_client *client, const char *name)
{
	for (const struct call *call = client->calls; call; call = call->next) {
		if (call->active && call != client->call && call->subject &&
			strcmp(call->subject, name) == 0)
			return true;
	}
	return false;
}

/* Releases what late answers have pinned, unless it is wanted by now. */
static void call_release_unwanted(struct shmimg_client *client)
{
	struct pins *unwanted = &client->unwanted;
	for (size_t i = unwanted->count; i-- > 0 && client->state == CLIENT_OPEN;) {
		struct pin *pin = i < unwanted->count ? unwanted->all[i] : NULL;
		if (!pin || call_is_subject(client, pin->name))
			continue;
		struct pinned what = pin->what;
		char name[NAME_LENGTH_MAX + 1];
		snprintf(name, sizeof(name), "%s", pin->name);
		pins_forget(unwanted, pin);
		if (!pins_find(&client->pins, &what))
			release(client, name, SHMIMG_OWNER_ANY, &what);
	}
}

int call_leave(struct shmimg_client *client, int r)
{
	struct call *call = client->call;
	call->subject = NULL;
	if (client->unwanted.count > 0 && !client->exclusive && !client->watching) {
		struct client_failure before = call->failure;
		call->end = deadline_after(client->timeout_ms);
		call_release_unwanted(client);
		call->failure = before;
	}
	return client_leave(client, r);
}

int call_enter(struct shmimg_client *client)
{
	if (client->watching)
		return client_fail(
			client, -EBUSY, "this client watches for events; use another client");
	if (client_is_handing(client))
		return client_fail(
			client, -EBUSY, "a handler must not use its client; use another client");
	client->call->end = deadline_after(client->timeout_ms);
	return 0;
}

void call_begin(struct shmimg_client *client, struct wire_writer *writer, const char *verb)
{
	client->call->wants_fd = false;
	wire_begin(writer, client->call->request, sizeof(client->call->request), verb);
}

/* One attempt; connects first if there is no connection. */
static int call_attempt(struct shmimg_client *client, const struct wire_writer *writer, int fd)
{
	int r = reconnect(client, true);
	client->call->sent = false;
	if (r == 0)
		r = exchange_send(client, writer, fd);
	return r == 0 ? round_trip_receive(client) : r;
}

/* At most twice: a request that crashes daemons must not crash one after the other. */
int call_first(struct shmimg_client *client, struct wire_writer *writer, int fd)
{
	client->call->repeated = false;
	struct client_failure before = client->call->failure;
	int r = call_attempt(client, writer, fd);
	if (r != -ECONNRESET)
		return r;
	client->call->failure = before;
	client->call->repeated = client->call->sent;
	return call_attempt(client, writer, fd);
}

int call_ask(struct shmimg_client *client, struct wire_writer *writer, int fd, int *passed)
{
	struct call *call = client->call;
	call->wants_fd = passed;
	int r = call_first(client, writer, fd);
	if (r > 0)
		r = round_trip_overlong(client);
	if (passed) {
		*passed = call->passed;
		call->passed = -1;
	}
	return r;
}

int call_hand_over(struct shmimg_client *client, shmimg_record_handler handler, void *context)
{
	struct call *call = client->call;
	struct shmimg_record record = {.line = &call->reply};
	call->handing = true;
	client_unlock(client);
	int r = handler(&record, context);
	client_lock(client, call);
	call->handing = false;
	return r;
}
