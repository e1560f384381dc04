/*
 * Requests and answers. One of the threads that wait reads from the socket, and gives each line to
 * the call that it is for: by the line's id, or, if the daemon knows no ids, in the order of the
 * requests. When this thread has its own answer or no more time, the next one reads. So no thread
 * is needed that belongs to the library.
 *
 * A call has room for one line. If a line comes for a call that has not read the line before, the
 * lines behind it wait too: only lists have more than one line.
 *
 * A request that times out is cancelled. It is an orphan until its answer and that of CANCEL have
 * come. The image that a late answer pins is unwanted.
 */
#include "client/lib/exchange.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "client/lib/image-reply.h"

/* The id of requests that are not waited for. */
#define ID_POSTED "q"

int exchange_lose(struct shmimg_client *client, int error)
{
	switch (error) {
	case -ECONNRESET:
		return client_lose(client, error, "the daemon closed the connection");
	case -ETIMEDOUT:
		return client_lose(client, error, "the daemon did not answer in time");
	case -EPROTO:
		return client_lose(client, error, "from the daemon: %s", client->channel.fault);
	default:
		return client_lose(
			client, error, "cannot read from the daemon: %s", strerror(-error));
	}
}

static bool exchange_has_ids(const struct shmimg_client *client)
{
	return client->features & FEATURE_ID;
}

bool exchange_has_others(const struct shmimg_client *client)
{
	for (const struct call *call = client->calls; call; call = call->next) {
		if (call != client->call && (call->pending || call->arrived))
			return true;
	}
	return false;
}

int exchange_settle(struct shmimg_client *client)
{
	int r = 0;
	while (r == 0 && (client->reading || client->sending))
		r = client_sleep(client, client->call->end);
	return r;
}

/* ---- Sending ---- */

/* Waits until the call may send. Returns 0 or -ETIMEDOUT. */
static int exchange_wait_for_turn(struct shmimg_client *client)
{
	const struct call *call = client->call;
	int r = 0;
	while (r == 0 && (client->sending || (client->exclusive && client->exclusive != call)))
		r = client_sleep(client, call->end);
	return r;
}

/* Sends while other threads may use the client. */
static int exchange_send_line(struct shmimg_client *client, const struct wire_writer *line, int fd,
	deadline end, bool *begun)
{
	client->sending = true;
	struct call *call = client_unlock(client);
	int r = channel_send(&client->channel, line->data, line->length, fd, end, begun);
	client_lock(client, call);
	client->sending = false;
	pthread_cond_broadcast(&client->changed);
	return r;
}

static int exchange_too_long(struct shmimg_client *client)
{
	return client_fail(
		client, -EINVAL, "the request is longer than 16384 bytes; use shorter values");
}

/* Forgets what is left of the answer to an earlier request of this call. */
static void exchange_reset(struct call *call)
{
	if (call->passed >= 0)
		close(call->passed);
	call->passed = -1;
	call->pending = call->arrived = call->lost = call->is_event = false;
}

int exchange_send(struct shmimg_client *client, const struct wire_writer *request, int fd)
{
	struct call *call = client->call;
	struct wire_writer line = *request;
	exchange_reset(call);
	call->sent = false;
	int r = exchange_wait_for_turn(client);
	if (r < 0)
		return client_fail(client, r, "cannot send to the daemon: %s", strerror(-r));
	if (client->state != CLIENT_OPEN)
		return client_fail(client, -ECONNRESET, "the daemon closed the connection");
	if (!exchange_has_ids(client) && !exchange_has_others(client) &&
		client->channel.start < client->channel.end)
		return client_lose(client, -EPROTO, "the daemon sent an unexpected line");
	call->id = ++client->last_id;
	if (exchange_has_ids(client))
		wire_add_number(&line, "id", call->id);
	if (wire_end(&line) < 0)
		return exchange_too_long(client);
	call->pending = true;
	bool begun;
	r = exchange_send_line(client, &line, fd, call->end, &begun);
	call->sent = r == 0;
	if (r == 0 || r == -ECONNRESET)
		return 0;
	if (call->lost)
		return client_fail(client, -ECONNRESET, "the daemon closed the connection");
	call->pending = false;
	if (!begun)
		return client_fail(client, r, "cannot send to the daemon: %s", strerror(-r));
	return client_lose(client, r, "cannot send to the daemon: %s", strerror(-r));
}

/* Sends a line that must be sent at once, or else with the end of the call. */
static int exchange_post_line(
	struct shmimg_client *client, const struct wire_writer *line, deadline end)
{
	bool begun;
	int r = exchange_send_line(client, line, -1, end, &begun);
	if (r == 0)
		return 0;
	if (client->state != CLIENT_OPEN)
		return client_fail(client, -ECONNRESET, "the daemon closed the connection");
	if (!begun && r != -ECONNRESET)
		return client_fail(client, r, "cannot send to the daemon: %s", strerror(-r));
	return exchange_lose(client, r);
}

int exchange_post(struct shmimg_client *client, const struct wire_writer *request)
{
	struct wire_writer line = *request;
	int r = exchange_wait_for_turn(client);
	if (r < 0)
		return client_fail(client, r, "cannot send to the daemon: %s", strerror(-r));
	if (client->state != CLIENT_OPEN)
		return client_fail(client, -ECONNRESET, "the daemon closed the connection");
	wire_add(&line, "quiet", "ok");
	wire_add(&line, "id", ID_POSTED);
	return wire_end(&line) < 0 ? exchange_too_long(client)
				   : exchange_post_line(client, &line, client->call->end);
}

/* ---- Whom a line is for ---- */

/* The id of a line, which is its first key. Returns NULL if it has none. */
static const char *exchange_read_id(const char *line, size_t length, size_t *size)
{
	static const char key[] = "id=";
	const char *end = line + length;
	const char *space = memchr(line, ' ', length);
	if (!space || (size_t)(end - space) < sizeof(key) || memcmp(space + 1, key, 3) != 0)
		return NULL;
	const char *id = space + sizeof(key);
	const char *next = memchr(id, ' ', (size_t)(end - id));
	*size = (size_t)((next ? next : end) - id);
	return id;
}

static bool exchange_line_is(const char *line, size_t length, const char *verb)
{
	size_t size = strlen(verb);
	return length >= size && memcmp(line, verb, size) == 0 &&
	       (length == size || line[size] == ' ');
}

/* The call with this id. */
static struct call *exchange_find_call(const struct shmimg_client *client, uint64_t id)
{
	for (struct call *call = client->calls; call; call = call->next) {
		if (call->pending && !call->is_event && call->id == id)
			return call;
	}
	return NULL;
}

/* The call that has waited longest for an event, or for an answer. */
static struct call *exchange_find_first(const struct shmimg_client *client, bool event)
{
	struct call *first = NULL;
	for (struct call *call = client->calls; call; call = call->next) {
		if (call->pending && call->is_event == event && (!first || call->id < first->id))
			first = call;
	}
	return first;
}

static struct orphan *exchange_find_orphan(struct shmimg_client *client, uint64_t id)
{
	for (size_t i = 0; i < client->orphan_count; i++) {
		if (client->orphans[i].id == id)
			return &client->orphans[i];
	}
	return NULL;
}

/*
 * The call that a line without an id is for. The daemon's reason to end the connection has none: it
 * is for the call that has waited longest.
 */
static struct call *exchange_find_anonymous(
	const struct shmimg_client *client, const char *line, size_t length)
{
	bool event = exchange_line_is(line, length, "EVENT");
	struct call *call = event ? exchange_find_first(client, true) : NULL;
	if (call)
		return call;
	if (exchange_has_ids(client) && !exchange_line_is(line, length, "ERR"))
		return exchange_find_first(client, true);
	call = exchange_find_first(client, false);
	return call ? call : exchange_find_first(client, true);
}

/* ---- Receiving ---- */

static bool exchange_wants_descriptor(const struct shmimg_client *client)
{
	for (const struct call *call = client->calls; call; call = call->next) {
		if (call->pending && call->wants_fd)
			return true;
	}
	for (size_t i = 0; i < client->orphan_count; i++) {
		if (client->orphans[i].wants_fd)
			return true;
	}
	return false;
}

/* A line for an orphan. What it pins is to be released. */
static int exchange_take_orphan(
	struct shmimg_client *client, struct orphan *orphan, char *text, size_t length)
{
	struct wire_line line;
	struct image_reply reply;
	if (exchange_line_is(text, length, "ITEM"))
		return 0;
	const char *fault = wire_parse(text, length, &line);
	const char *name = fault ? NULL : wire_get(&line, "name");
	bool good = !fault && strcmp(line.verb, "OK") == 0;
	if (good && orphan->wants_fd && wire_get(&line, "segment")) {
		int fd = channel_take(&client->channel);
		if (fd >= 0)
			close(fd);
		orphan->wants_fd = false;
	}
	if (--orphan->answers == 0)
		*orphan = client->orphans[--client->orphan_count];
	if (!good || !name || image_reply_read(&line, name, &reply))
		return 0;
	struct pinned what = image_reply_pinned(&reply);
	int r = pins_add(&client->unwanted, name, client->uid, &what);
	return r < 0 ? client_lose(client, r, "out of memory") : 0;
}

/* A line for a call that has no other. */
static void exchange_give(
	struct shmimg_client *client, struct call *call, const char *line, size_t length)
{
	memcpy(call->answer, line, length);
	call->length = length;
	call->arrived = true;
	if (!exchange_line_is(line, length, "ITEM"))
		call->pending = false;
	if (call->wants_fd && exchange_line_is(line, length, "OK"))
		call->passed = channel_take(&client->channel);
	if (call != client->call)
		pthread_cond_broadcast(&client->changed);
}

/* Gives the next line away. Returns 0, -EBUSY if its call has not read the line before, or an errno
 * after which the connection is ended. */
static int exchange_deliver(struct shmimg_client *client, char *line, size_t length)
{
	size_t size = 0;
	const char *id = exchange_has_ids(client) ? exchange_read_id(line, length, &size) : NULL;
	struct call *call = NULL;
	struct orphan *orphan = NULL;
	bool posted = id && size == strlen(ID_POSTED) && memcmp(id, ID_POSTED, size) == 0;
	if (!id) {
		call = exchange_find_anonymous(client, line, length);
	} else if (!posted && size < 21) {
		char number[21];
		uint64_t value;
		memcpy(number, id, size);
		number[size] = '\0';
		if (wire_number(number, UINT64_MAX, &value) == 0) {
			call = exchange_find_call(client, value);
			orphan = exchange_find_orphan(client, value);
		}
	}
	if (!call && !orphan && !posted)
		return client_lose(client, -EPROTO, "the daemon sent an unexpected line");
	if (call && call->arrived)
		return -EBUSY;
	channel_consume(&client->channel, length);
	int r = 0;
	if (call)
		exchange_give(client, call, line, length);
	else if (orphan)
		r = exchange_take_orphan(client, orphan, line, length);
	if (!exchange_wants_descriptor(client))
		channel_discard(&client->channel);
	return r;
}

/* The next line, after the socket was polled for as long as shmimg_set_spin() says. */
static int exchange_next(struct shmimg_client *client, char **line, size_t *length)
{
	struct channel *channel = &client->channel;
	int r = channel_next(channel, line, length);
	if (r != -EAGAIN || channel->spin_us == 0)
		return r;
	deadline spin = deadline_within(client->call->end, channel->spin_us);
	while (r == -EAGAIN && !deadline_passed(spin))
		r = channel_next(channel, line, length);
	return r;
}

/* Reads until there is a line for the call, or waits while another thread reads. */
static int exchange_step(struct shmimg_client *client)
{
	char *line;
	size_t length;
	if (client->reading)
		return client_sleep(client, client->call->end);
	int r = exchange_next(client, &line, &length);
	if (r == 0) {
		r = exchange_deliver(client, line, length);
		return r == -EBUSY ? client_sleep(client, client->call->end) : r;
	}
	if (r != -EAGAIN)
		return exchange_lose(client, r);
	client->reading = true;
	struct call *call = client_unlock(client);
	r = channel_wait(&client->channel, call->end);
	client_lock(client, call);
	client->reading = false;
	pthread_cond_broadcast(&client->changed);
	if (r == 0 || call->lost)
		return 0;
	return r == -ETIMEDOUT ? r : exchange_lose(client, r);
}

/* Cancels the request of a call that has no time left. Returns -ETIMEDOUT. */
static int exchange_abandon(struct shmimg_client *client)
{
	struct call *call = client->call;
	char text[64];
	int length = snprintf(text, sizeof(text), "CANCEL id=%" PRIu64 "\n", call->id);
	struct wire_writer line = {.data = text, .size = sizeof(text), .length = (size_t)length};
	if (!(client->features & FEATURE_CANCEL) || client->orphan_count == ORPHANS_MAX ||
		client->sending || client->exclusive)
		return exchange_lose(client, -ETIMEDOUT);
	client->orphans[client->orphan_count++] =
		(struct orphan){.id = call->id, .answers = 2, .wants_fd = call->wants_fd};
	call->pending = false;
	if (exchange_post_line(client, &line, deadline_after(0)) < 0 &&
		client->state == CLIENT_OPEN)
		return exchange_lose(client, -ETIMEDOUT);
	return client_fail(client, -ETIMEDOUT, "the daemon did not answer in time");
}

void exchange_expect_event(struct shmimg_client *client)
{
	struct call *call = client->call;
	exchange_reset(call);
	call->id = ++client->last_id;
	call->wants_fd = false;
	call->pending = call->is_event = true;
}

/* The id is the library's own: a handler of records must not see it. It is the first field. */
static void exchange_remove_id(const struct shmimg_client *client, struct wire_line *line)
{
	if (!exchange_has_ids(client) || line->count == 0 || strcmp(line->fields[0].key, "id") != 0)
		return;
	line->count--;
	memmove(line->fields, line->fields + 1, line->count * sizeof(line->fields[0]));
}

int exchange_receive(struct shmimg_client *client)
{
	struct call *call = client->call;
	int r = 0;
	while (r == 0 && !call->arrived && !call->lost)
		r = exchange_step(client);
	if (call->arrived) {
		call->arrived = false;
		pthread_cond_broadcast(&client->changed);
		const char *fault = wire_parse(call->answer, call->length, &call->reply);
		if (fault)
			return client_lose(client, -EPROTO, "from the daemon: %s", fault);
		exchange_remove_id(client, &call->reply);
		return 0;
	}
	if (r == -ETIMEDOUT && !call->lost && call->is_event) {
		call->pending = false;
		return client_fail(client, r, "no event arrived in time");
	}
	if (r == -ETIMEDOUT && !call->lost)
		return exchange_abandon(client);
	if (r < 0 && r != -ETIMEDOUT)
		return r;
	return client_fail(client, -ECONNRESET, "the daemon closed the connection");
}
