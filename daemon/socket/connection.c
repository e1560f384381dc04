/*
 * A reply is written directly into the outbox when no earlier reply is deferred; else it is
 * deferred too, so that replies keep the order of the requests. Events of a watch go between
 * replies, never into one. A request is taken only when there is space for its reply, in the outbox
 * or deferred. So the daemon stops reading from a client that does not read.
 */
#include "daemon/socket/connection.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/command/client.h"

static void connection_on_event(void *context)
{
	struct connection *connection = context;
	connection->wake(connection);
}

struct connection *connection_open(int fd, struct session *session)
{
	struct connection *connection = malloc(sizeof(*connection));
	if (!connection)
		return NULL;
	*connection = (struct connection){.fd = fd, .session = session};
	TAILQ_INIT(&connection->replies);
	dispatch_on_event(session, connection_on_event, connection);
	inbox_init(&connection->inbox, session_close_queue(session));
	outbox_init(&connection->outbox);
	return connection;
}

static void connection_free_reply_memory(struct reply *reply)
{
	if (reply)
		free(reply->data);
	free(reply);
}

static void connection_free_reply(struct connection *connection, struct reply *reply)
{
	TAILQ_REMOVE(&connection->replies, reply, link);
	connection->reply_count--;
	if (reply->fd >= 0)
		close(reply->fd);
	connection_free_reply_memory(reply);
}

void connection_send_rejection(int fd, enum fault fault, const char *message)
{
	char line[WIRE_LINE_MAX];
	struct reply reply = {.fd = -1, .data = line, .size = sizeof(line)};
	reply_fault(&reply, fault, "%s", message);
	send(fd, line, reply.length, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void connection_on_closed(struct drain_entry *drain_entry)
{
	struct connection *connection =
		(struct connection *)((char *)drain_entry -
				      offsetof(struct connection, drain_entry));
	charge_refund(&connection->charge);
	free(connection);
}

void connection_close(struct connection *connection, struct drain *drain)
{
	connection->charge = session_take_charge(connection->session);
	/* The session first: it cancels the operations that the replies wait for. */
	session_close(connection->session);
	while (!TAILQ_EMPTY(&connection->replies))
		connection_free_reply(connection, TAILQ_FIRST(&connection->replies));
	connection_free_reply_memory(connection->next_reply);
	inbox_clear(&connection->inbox);
	outbox_clear(&connection->outbox);
	connection->drain_entry =
		(struct drain_entry){.fd = connection->fd, .closed = connection_on_closed};
	drain_close(drain, &connection->drain_entry);
}

/* Moves complete replies to the outbox, up to the first incomplete one. */
static void connection_send_complete(struct connection *connection)
{
	struct reply *reply = TAILQ_FIRST(&connection->replies);
	while (reply && reply->completed && outbox_has_space(&connection->outbox)) {
		size_t size;
		memcpy(outbox_space(&connection->outbox, &size), reply->data, reply->length);
		outbox_add(&connection->outbox, reply->length, reply->fd);
		reply->fd = -1;
		connection_free_reply(connection, reply);
		reply = TAILQ_FIRST(&connection->replies);
	}
}

static void connection_on_complete(struct reply *reply)
{
	struct connection *connection = reply->sender;
	reply->completed = true;
	connection->wake(connection);
}

static struct reply *connection_keep_deferred(struct reply *reply)
{
	return reply;
}

/* Allocates memory for a deferred reply, unless there is some. Returns false without memory. */
static bool connection_prepare_reply(struct connection *connection)
{
	if (connection->next_reply)
		return true;
	struct reply *reply = calloc(1, sizeof(*reply));
	if (reply)
		reply->data = malloc(WIRE_LINE_MAX);
	if (!reply || !reply->data) {
		free(reply);
		return false;
	}
	connection->next_reply = reply;
	return true;
}

/* Adds the prepared reply as the last deferred one. */
static struct reply *connection_add_prepared(struct connection *connection)
{
	struct reply *reply = connection->next_reply;
	assert(reply);
	connection->next_reply = NULL;
	*reply = (struct reply){
		.sender = connection,
		.defer = connection_keep_deferred,
		.complete = connection_on_complete,
		.fd = -1,
		.data = reply->data,
		.size = WIRE_LINE_MAX,
	};
	TAILQ_INSERT_TAIL(&connection->replies, reply, link);
	connection->reply_count++;
	return reply;
}

/* Returns a new deferred reply, the last one; NULL without memory. */
static struct reply *connection_defer_direct(struct reply *reply)
{
	struct connection *connection = reply->sender;
	return connection_prepare_reply(connection) ? connection_add_prepared(connection) : NULL;
}

/*
 * Answers a request, or the mistake in it that the arguments tell. The reply goes directly into the
 * outbox when no reply is deferred.
 */
static enum outcome connection_answer(struct connection *connection, enum fault fault,
	enum request_fault request_fault, const char *detail)
{
	struct reply direct = {.sender = connection, .defer = connection_defer_direct, .fd = -1};
	struct reply *reply = &direct;
	enum outcome outcome = OUTCOME_DONE;
	if (TAILQ_EMPTY(&connection->replies))
		direct.data = outbox_space(&connection->outbox, &direct.size);
	else
		reply = connection_add_prepared(connection); /* by connection_can_answer() */
	if (fault) {
		dispatch_reject(connection->session, reply, fault, detail);
	} else if (request_fault) {
		dispatch_reject_request(connection->session, reply, request_fault, detail);
	} else {
		bool takes_fd = connection->request.values[KEY_SOURCE] != NULL;
		struct call call = {connection->session, &connection->request, reply,
			takes_fd ? inbox_take_fd(&connection->inbox) : -1};
		outcome = dispatch(&call);
		connection->event_due |=
			outcome == OUTCOME_LATER || !dispatch_is_quiet(&connection->request);
	}
	if (reply == &direct && outcome != OUTCOME_LATER)
		outbox_add(&connection->outbox, direct.length, direct.fd);
	else if (outcome == OUTCOME_DONE)
		reply->completed = true;
	return outcome;
}

/* Sends an error, and closes the connection after it. */
static void connection_fail(struct connection *connection, enum fault fault, const char *text)
{
	connection_answer(connection, fault, REQUEST_GOOD, text);
	connection->closing = true;
}

/*
 * Parses the next line, or answers the mistake in it. Returns false when no line is complete.
 */
static bool connection_parse_next(struct connection *connection)
{
	struct wire_line line;
	size_t length;
	char *text = inbox_line(&connection->inbox, &length);
	if (!text && inbox_is_full(&connection->inbox))
		connection_fail(connection, FAULT_PROTOCOL, "a line has more than 16384 bytes");
	if (!text)
		return false;
	const char *culprit = NULL;
	enum request_fault request_fault = REQUEST_GOOD;
	const char *line_fault = wire_parse(text, length, &line);
	if (!line_fault)
		request_fault = request_parse(&line, &connection->request, &culprit);
	connection->line_length = length + 1;
	connection->parsed = !line_fault && !request_fault;
	if (!connection->parsed) {
		connection_answer(connection, line_fault ? FAULT_PROTOCOL : FAULT_NONE,
			request_fault, line_fault ? line_fault : culprit);
		inbox_consume(&connection->inbox, connection->line_length);
	}
	return true;
}

static bool connection_can_answer(struct connection *connection)
{
	connection_send_complete(connection);
	if (connection->closing || !outbox_has_space(&connection->outbox) ||
		connection->reply_count >= CONNECTION_REPLIES)
		return false;
	/* Without memory, the request waits until an earlier reply is sent. */
	return TAILQ_EMPTY(&connection->replies) || connection_prepare_reply(connection);
}

/*
 * Answers the next request. Returns how many requests of the turn this counts as: 0 when no request
 * can be answered, CONNECTION_TURN when the reply has more lines to come.
 */
static unsigned connection_answer_next(struct connection *connection)
{
	connection->blocked = !connection_can_answer(connection);
	if (connection->blocked)
		return 0;
	if (!connection->parsed && !connection_parse_next(connection))
		return 0;
	if (!connection->parsed)
		return 1;
	if (dispatch_must_wait(connection->session, &connection->request)) {
		connection->blocked = true;
		return 0;
	}
	connection->answering =
		connection_answer(connection, FAULT_NONE, REQUEST_GOOD, NULL) == OUTCOME_MORE;
	if (connection->answering)
		return CONNECTION_TURN;
	inbox_consume(&connection->inbox, connection->line_length);
	connection->parsed = false;
	return 1;
}

/*
 * Input may bring descriptors. So nothing is received while the user has too many files that are
 * not closed yet; when closing them is stuck, the connection fails.
 */
static bool connection_may_receive(struct connection *connection)
{
	enum close_queue_state state = close_queue_check(session_close_queue(connection->session));
	connection->over_limit = state == CLOSE_QUEUE_MANY;
	if (state == CLOSE_QUEUE_STUCK)
		connection_fail(connection, FAULT_BUSY, close_queue_stuck_text);
	return state == CLOSE_QUEUE_FEW;
}

static void connection_receive(struct connection *connection)
{
	if (connection->input_ended || connection->closing || !connection_may_receive(connection))
		return;
	ssize_t count = inbox_receive(&connection->inbox, connection->fd);
	if (count > 0 || count == -EAGAIN)
		return;
	if (count == -EPROTO) {
		connection_fail(connection, FAULT_PROTOCOL,
			"descriptors were lost: more came than a line may bring");
	} else if (count == -EMFILE) {
		connection_fail(connection, FAULT_BUSY,
			"descriptors were lost: the daemon has no room for more");
	} else {
		connection->input_ended = true;
		/* At an end without an error, the peer may still read. */
		connection->broken |= count < 0;
	}
}

/*
 * Moves the events of a watch to the outbox, but not while a reply has more lines to come. Returns
 * whether there was an event.
 */
static bool connection_move_events(struct connection *connection)
{
	bool moved = false;
	if (!dispatch_has_watch(connection->session))
		return false;
	while (!connection->answering && outbox_has_space(&connection->outbox)) {
		size_t size;
		char *space = outbox_space(&connection->outbox, &size);
		size_t length = dispatch_take_events(connection->session, space, size);
		if (length == 0)
			break;
		outbox_add(&connection->outbox, length, -1);
		moved = true;
	}
	return moved;
}

static void connection_transmit(struct connection *connection)
{
	if (connection->broken) {
		outbox_clear(&connection->outbox);
		return;
	}
	int r = outbox_send(&connection->outbox, connection->fd);
	if (r >= 0 || r == -EAGAIN)
		return;
	connection->broken = true;
	outbox_clear(&connection->outbox);
	/* The peer is still connected and waits for a lost reply: it must see an end. */
	if (r != -EPIPE && r != -ECONNRESET)
		connection->input_ended = true;
}

static bool connection_has_ended(const struct connection *connection)
{
	bool all_sent = TAILQ_EMPTY(&connection->replies) && outbox_is_empty(&connection->outbox);
	if (connection->closing)
		return all_sent || connection->broken;
	/* Nobody reads the replies. Requests that can be answered now are; the others are dropped.
	 */
	if (connection->broken)
		return connection->input_ended || connection->blocked || connection->over_limit;
	return connection->input_ended && all_sent && !connection->parsed &&
	       !dispatch_has_watch(connection->session);
}

static enum turn connection_run_turn(struct connection *connection)
{
	unsigned count = 0;
	bool received = false;
	while (count < CONNECTION_TURN) {
		unsigned answered = connection_answer_next(connection);
		count += answered;
		if (answered == 0 && (connection->blocked || received))
			break;
		if (answered > 0 && received && inbox_is_empty(&connection->inbox))
			break;
		if (answered == 0) {
			connection_receive(connection);
			received = true;
		}
	}
	connection_send_complete(connection);
	do
		connection_transmit(connection);
	while (connection_move_events(connection));
	if (connection->outbox.out_of_memory)
		connection->broken = true;
	if (count >= CONNECTION_TURN)
		return TURN_AGAIN;
	/* Sending may have freed the space that the next request or reply needs. */
	if (connection->blocked && outbox_is_empty(&connection->outbox) &&
		connection_can_answer(connection) &&
		!(connection->parsed &&
			dispatch_must_wait(connection->session, &connection->request)))
		return TURN_AGAIN;
	return connection_has_ended(connection) ? TURN_CLOSE : TURN_WAIT;
}

enum turn connection_turn(struct connection *connection)
{
	enum turn turn = connection_run_turn(connection);
	connection->event_due |= close_queues_is_due(connection->inbox.close_queue->close_queues);
	/* Until the next turn, other connections can use the buffers. */
	inbox_release_buffer(&connection->inbox);
	outbox_release_buffer(&connection->outbox);
	return turn;
}

uint32_t connection_interest(const struct connection *connection)
{
	uint32_t events = 0;
	if (!connection->input_ended && !connection->closing && !connection->blocked &&
		!connection->over_limit)
		events |= EPOLLIN;
	if (!outbox_is_empty(&connection->outbox))
		events |= EPOLLOUT;
	return events;
}
