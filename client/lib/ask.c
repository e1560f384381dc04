/*
 * Queries: STAT, LIST and STATS. Passes one record at a time to the caller's handler, and
 * keeps none.
 */
#include <errno.h>

#include "client/lib/call.h"
#include "client/lib/client.h"
#include "client/lib/options.h"
#include "client/lib/round-trip.h"
#include "client/protocol/name.h"

/* Sends a request whose reply is one record. */
static int ask_one(struct shmimg_client *client, struct wire_writer *writer,
	shmimg_record_handler handler, void *context)
{
	int r = call_ask(client, writer, -1, NULL);
	return r < 0 ? r : call_hand_over(client, handler, context);
}

static int ask_stat(shmimg_client *client, const char *name, const struct shmimg_options *given,
	shmimg_record_handler handler, void *context)
{
	struct shmimg_options options;
	struct wire_writer writer;
	if (options_read(given, &options) < 0)
		return client_fail(client, -EINVAL,
			"an option has an invalid value; libshmimg(3) lists the valid ones");
	const char *fault = name_check(name);
	if (fault)
		return client_fail(client, -EINVAL, "%s", fault);
	int r = call_enter(client);
	if (r < 0)
		return r;
	call_begin(client, &writer, "STAT");
	wire_add(&writer, "name", name);
	options_add_owner(&options, &writer);
	options_add_rendition(&options, &writer);
	return ask_one(client, &writer, handler, context);
}

int shmimg_stat(shmimg_client *client, const char *name, const struct shmimg_options *given,
	shmimg_record_handler handler, void *context)
{
	int r = client_enter(client);
	return r < 0 ? r : call_leave(client, ask_stat(client, name, given, handler, context));
}

static int ask_stats(shmimg_client *client, shmimg_record_handler handler, void *context)
{
	struct wire_writer writer;
	int r = call_enter(client);
	if (r < 0)
		return r;
	call_begin(client, &writer, "STATS");
	return ask_one(client, &writer, handler, context);
}

int shmimg_stats(shmimg_client *client, shmimg_record_handler handler, void *context)
{
	int r = client_enter(client);
	return r < 0 ? r : call_leave(client, ask_stats(client, handler, context));
}

/* Whether the current reply ends a list of this many records. */
static bool ask_ends_list(const struct shmimg_client *client, uint64_t count)
{
	const char *text = wire_get(&client->call->reply, "count");
	uint64_t number;
	return text && wire_number(text, UINT64_MAX, &number) == 0 && number == count;
}

/*
 * Receives a list; r is the result of its first line. If the handler ends the list, the rest
 * is read and ignored, because the next reply comes after it. The rest must arrive within the
 * client's timeout.
 */
static int ask_receive_list(
	struct shmimg_client *client, int r, shmimg_record_handler handler, void *context)
{
	uint64_t count = 0;
	int result = 0;
	for (; r > 0; r = round_trip_receive(client)) {
		count++;
		if (result == 0) {
			result = call_hand_over(client, handler, context);
			client->call->end = deadline_after(client->timeout_ms);
		} else if (deadline_poll(client->call->end) == 0) {
			return client_lose(
				client, -ETIMEDOUT, "the daemon's list did not end in time");
		}
	}
	if (r == 0 && !ask_ends_list(client, count))
		return client_lose(client, -EPROTO, "the daemon's list is incomplete");
	return r < 0 ? r : result;
}

static int ask_list(
	shmimg_client *client, const char *match, shmimg_record_handler handler, void *context)
{
	struct wire_writer writer;
	int r = call_enter(client);
	if (r < 0)
		return r;
	call_begin(client, &writer, "LIST");
	if (match)
		wire_add(&writer, "match", match);
	return ask_receive_list(client, call_first(client, &writer, -1), handler, context);
}

int shmimg_list(
	shmimg_client *client, const char *match, shmimg_record_handler handler, void *context)
{
	int r = client_enter(client);
	return r < 0 ? r : call_leave(client, ask_list(client, match, handler, context));
}
