/*
 * Requests without an id are answered in their order: a reply is written directly into the outbox
 * when no earlier one of them is deferred; else it is deferred too. Replies to requests with an id
 * go into the outbox as soon as they are complete. A request that must wait for others leaves the
 * inbox, so that the requests behind it are seen. Events of a watch go before every reply that
 * comes later, never into one. A request is taken only when there is space for its reply, in the
 * outbox or deferred. So the daemon stops reading from a client that does not read.
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

#include "daemon/base/cleanup.h"
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
	TAILQ_INIT(&connection->id_replies);
	TAILQ_INIT(&connection->waiting);
	connection->next.fd = -1;
	dispatch_on_event(session, connection_on_event, connection);
	inbox_init(&connection->inbox, session_close_queue(session));
	outbox_init(&connection->outbox);
	transit_init(&connection->transit, fd, session_uid(session));
	return connection;
}

static void connection_free_reply_memory(struct reply *reply)
{
	if (reply)
		free(reply->data);
	free(reply);
}

/* The list of deferred replies that a reply belongs to. */
static struct reply_list *connection_list_of(
	struct connection *connection, const struct reply *reply)
{
	return *reply->id ? &connection->id_replies : &connection->replies;
}

static void connection_free_reply(struct connection *connection, struct reply *reply)
{
	TAILQ_REMOVE(connection_list_of(connection, reply), reply, link);
	connection->reply_count--;
	if (reply->fd >= 0)
		close(reply->fd);
	connection_free_reply_memory(reply);
}

/* Forgets a request, and closes its descriptor unless that was used. */
static void connection_retire(struct connection *connection, struct incoming *incoming)
{
	if (incoming == &connection->next) {
		incoming_consume(incoming, &connection->inbox);
		connection->taken = false;
		return;
	}
	TAILQ_REMOVE(&connection->waiting, incoming, link);
	connection->waiting_count--;
	connection->waiting_bytes -= incoming->length;
	incoming_free(incoming, connection->inbox.close_queue);
}

void connection_send_rejection(
	int fd, enum fault fault, const struct fault_fields *fields, const char *message)
{
	char line[WIRE_LINE_MAX];
	struct reply reply = {.fd = -1, .data = line, .size = sizeof(line), .fields = *fields};
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

bool connection_end(struct connection *connection)
{
	connection->ending = true;
	return session_end(connection->session);
}

void connection_close(struct connection *connection, struct drain *drain)
{
	connection->charge = session_take_charge(connection->session);
	/* The session first: it cancels the operations that the replies wait for. */
	session_close(connection->session);
	while (!TAILQ_EMPTY(&connection->replies))
		connection_free_reply(connection, TAILQ_FIRST(&connection->replies));
	while (!TAILQ_EMPTY(&connection->id_replies))
		connection_free_reply(connection, TAILQ_FIRST(&connection->id_replies));
	connection_free_reply_memory(connection->next_reply);
	while (!TAILQ_EMPTY(&connection->waiting))
		connection_retire(connection, TAILQ_FIRST(&connection->waiting));
	if (connection->taken)
		connection_retire(connection, &connection->next);
	inbox_clear(&connection->inbox);
	outbox_clear(&connection->outbox);
	transit_end(&connection->transit);
	connection->drain_entry =
		(struct drain_entry){.fd = connection->fd, .closed = connection_on_closed};
	drain_close(drain, &connection->drain_entry);
}

/*
 * Moves the events of a watch to the outbox, but not while a reply has more lines to come. Returns
 * whether none is left that must go before the next reply.
 */
static bool connection_move_events(struct connection *connection)
{
	if (connection->answering || !dispatch_has_watch(connection->session))
		return true;
	while (outbox_has_space(&connection->outbox)) {
		size_t size;
		char *space = outbox_space(&connection->outbox, &size);
		size_t length = dispatch_take_events(connection->session, space, size);
		if (length == 0)
			return !dispatch_is_behind(connection->session);
		outbox_add(&connection->outbox, length, -1);
	}
	return false;
}

/* Whether the next reply can be written: after the events that have happened before it. */
static bool connection_has_space(struct connection *connection)
{
	return connection_move_events(connection) && outbox_has_space(&connection->outbox);
}

static void connection_send_reply(struct connection *connection, struct reply *reply)
{
	size_t size;
	memcpy(outbox_space(&connection->outbox, &size), reply->data, reply->length);
	outbox_add(&connection->outbox, reply->length, reply->fd);
	reply->fd = -1;
	connection_free_reply(connection, reply);
}

/* Moves complete replies to the outbox; without an id, up to the first incomplete one. */
static void connection_send_complete(struct connection *connection)
{
	struct reply *reply, *next;
	if (connection->answering)
		return;
	while ((reply = TAILQ_FIRST(&connection->replies)) && reply->completed &&
		connection_has_space(connection))
		connection_send_reply(connection, reply);
	for (reply = TAILQ_FIRST(&connection->id_replies); reply; reply = next) {
		next = TAILQ_NEXT(reply, link);
		if (reply->completed && connection_has_space(connection))
			connection_send_reply(connection, reply);
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

/* Adds the prepared reply as the last deferred one, in the place of a direct one. */
static struct reply *connection_add_prepared(
	struct connection *connection, const struct reply *direct)
{
	struct reply *reply = connection->next_reply;
	assert(reply);
	connection->next_reply = NULL;
	*reply = (struct reply){
		.sender = connection,
		.defer = connection_keep_deferred,
		.complete = connection_on_complete,
		.sequence = direct->sequence,
		.fd = -1,
		.data = reply->data,
		.size = WIRE_LINE_MAX,
	};
	reply_identify(reply, direct->id, direct->quiet);
	TAILQ_INSERT_TAIL(connection_list_of(connection, reply), reply, link);
	connection->reply_count++;
	return reply;
}

/* Returns a new deferred reply, the last one; NULL without memory. */
static struct reply *connection_defer_direct(struct reply *reply)
{
	struct connection *connection = reply->sender;
	return connection_prepare_reply(connection) ? connection_add_prepared(connection, reply)
						    : NULL;
}

/*
 * Charges the descriptor that a request asks for. Returns false after refusing the request, because
 * too many are under way.
 */
static bool connection_admit_descriptor(
	struct connection *connection, const struct incoming *incoming, struct reply *reply)
{
	struct session *session = connection->session;
	const char *wanted = incoming->request.values[KEY_FD];
	if (!wanted || strcmp(wanted, "yes") != 0)
		return true;
	int r = transit_add(&connection->transit, session_accounts(session));
	if (r == -EDQUOT) {
		reply->fields = accounts_fields(
			session_accounts(session), session_uid(session), RESOURCE_DESCRIPTORS);
		dispatch_reject(session, reply, FAULT_OVER_QUOTA,
			"as many descriptors are under way to your programs as user-descriptors "
			"allows; receive them, or ask without fd=yes");
	} else if (r < 0) {
		dispatch_reject(session, reply, FAULT_BUSY,
			"too many descriptors are under way to clients; try again later");
	}
	return r == 0;
}

/* Calls the handler of a request, or answers the mistake in it. */
static enum outcome connection_dispatch(
	struct connection *connection, struct incoming *incoming, struct reply *reply)
{
	struct session *session = connection->session;
	if (incoming->is_cancelled)
		dispatch_reject_cancelled(session, reply);
	else if (incoming->fault)
		dispatch_reject(session, reply, incoming->fault, incoming->detail);
	else if (incoming->request_fault)
		dispatch_reject_request(session, reply, incoming->request_fault, incoming->detail);
	else if (connection_admit_descriptor(connection, incoming, reply)) {
		int fd = incoming_take_fd(incoming, session_close_queue(session));
		struct call call = {session, &incoming->request, reply, fd, incoming->cancelled};
		enum outcome outcome = dispatch(&call);
		connection->event_due |=
			outcome == OUTCOME_LATER || !dispatch_is_quiet(&incoming->request);
		return outcome;
	}
	return OUTCOME_DONE;
}

/*
 * Answers a request. The reply goes directly into the outbox, unless the request has no id and a
 * reply to an earlier one without an id is deferred.
 */
static enum outcome connection_answer(struct connection *connection, struct incoming *incoming)
{
	struct reply direct = {.sender = connection,
		.defer = connection_defer_direct,
		.sequence = incoming->sequence,
		.fd = -1};
	struct reply *reply = &direct;
	reply_identify(&direct, incoming->id, incoming->quiet);
	if (*incoming->id || TAILQ_EMPTY(&connection->replies))
		direct.data = outbox_space(&connection->outbox, &direct.size);
	else
		reply = connection_add_prepared(connection, &direct); /* connection_can_answer() */
	enum outcome outcome = connection_dispatch(connection, incoming, reply);
	if (reply == &direct && outcome != OUTCOME_LATER)
		outbox_add(&connection->outbox, direct.length, direct.fd);
	else if (outcome == OUTCOME_DONE)
		reply->completed = true;
	connection->closing |= incoming->ends;
	return outcome;
}

/* Sends an error after all earlier answers, and closes the connection after it. */
static void connection_fail(struct connection *connection, enum fault fault, const char *text)
{
	incoming_set_end(&connection->next, fault, text);
	connection->next.sequence = ++connection->sequence;
	connection->taken = true;
}

/* Takes the next request out of the inbox. Returns false when no line is complete. */
static bool connection_take_next(struct connection *connection)
{
	struct incoming *next = &connection->next;
	if (!incoming_take(next, &connection->inbox))
		return false;
	connection->taken = true;
	next->sequence = ++connection->sequence;
	const char *id =
		next->request_fault || next->fault ? NULL : dispatch_cancels(&next->request);
	if (id)
		next->cancelled = incoming_cancel(&connection->waiting, id);
	return true;
}

/* Whether a request before this one is not answered yet. */
static bool connection_has_earlier(struct connection *connection, const struct incoming *incoming)
{
	const struct incoming *waiting = TAILQ_FIRST(&connection->waiting);
	const struct reply *reply = TAILQ_FIRST(&connection->replies);
	if ((waiting && waiting->sequence < incoming->sequence) ||
		(reply && reply->sequence < incoming->sequence))
		return true;
	TAILQ_FOREACH (reply, &connection->id_replies, link) {
		if (reply->sequence < incoming->sequence)
			return true;
	}
	return false;
}

/* Whether a request must wait for others of the connection. */
static bool connection_must_wait(struct connection *connection, const struct incoming *incoming)
{
	bool is_request = !incoming->fault && !incoming->request_fault;
	if (incoming->is_cancelled)
		return false;
	if (incoming->ends || (is_request && dispatch_is_last(&incoming->request)))
		return connection_has_earlier(connection, incoming);
	return incoming_is_behind(incoming, &connection->waiting) ||
	       (is_request && dispatch_must_wait(connection->session, &incoming->request));
}

/* The first request that waits no longer, or NULL. */
static struct incoming *connection_find_ready(struct connection *connection)
{
	struct incoming *waiting;
	TAILQ_FOREACH (waiting, &connection->waiting, link) {
		if (!connection_must_wait(connection, waiting))
			return waiting;
	}
	if (connection->taken && !connection_must_wait(connection, &connection->next))
		return &connection->next;
	return NULL;
}

/* Moves the next request out of the inbox, to wait, if there is room. Returns whether it did. */
static bool connection_make_wait(struct connection *connection)
{
	size_t length = connection->next.length;
	if (connection->next.ends || connection->waiting_count == CONNECTION_WAITING ||
		(connection->waiting_count > 0 &&
			connection->waiting_bytes + length > CONNECTION_WAITING_BYTES))
		return false;
	struct incoming *waiting = incoming_copy(&connection->next, &connection->inbox);
	if (!waiting)
		return false;
	connection->taken = false;
	TAILQ_INSERT_TAIL(&connection->waiting, waiting, link);
	connection->waiting_count++;
	connection->waiting_bytes += length;
	return true;
}

static bool connection_can_answer(struct connection *connection)
{
	connection_send_complete(connection);
	if (connection->closing || connection->reply_count >= CONNECTION_REPLIES ||
		!connection_has_space(connection))
		return false;
	/* Without memory, the request waits until an earlier reply is sent. */
	return TAILQ_EMPTY(&connection->replies) || connection_prepare_reply(connection);
}

/*
 * Answers the next request, or makes it wait. Returns how many requests of the turn this counts as:
 * 0 when nothing can be done, CONNECTION_TURN when the reply has more lines to come.
 */
static unsigned connection_answer_next(struct connection *connection)
{
	connection->blocked = !connection_can_answer(connection);
	if (connection->blocked)
		return 0;
	struct incoming *incoming = connection->answering;
	if (!incoming && !connection->taken)
		connection_take_next(connection);
	if (!incoming)
		incoming = connection_find_ready(connection);
	if (!incoming) {
		if (connection->taken && connection_make_wait(connection))
			return 1;
		connection->blocked = connection->taken;
		return 0;
	}
	connection->answering = NULL;
	if (connection_answer(connection, incoming) == OUTCOME_MORE) {
		connection->answering = incoming;
		return CONNECTION_TURN;
	}
	connection_retire(connection, incoming);
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
	if (connection->input_ended || connection->taken || !connection_may_receive(connection))
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

static void connection_transmit(struct connection *connection)
{
	int r = outbox_send(&connection->outbox, connection->fd);
	if (r >= 0 || r == -EAGAIN)
		return;
	connection->broken = true;
	outbox_clear(&connection->outbox);
}

/* Whether the turn had no time for all changes that a watch must look at. */
static bool connection_is_behind(struct connection *connection)
{
	return dispatch_is_behind(connection->session) && !connection->broken &&
	       !connection->answering && outbox_has_space(&connection->outbox);
}

static bool connection_has_ended(const struct connection *connection)
{
	bool all_sent = TAILQ_EMPTY(&connection->replies) && TAILQ_EMPTY(&connection->id_replies) &&
			outbox_is_empty(&connection->outbox);
	if (connection->closing)
		return all_sent;
	return connection->input_ended && all_sent && !connection->taken &&
	       TAILQ_EMPTY(&connection->waiting);
}

/* Sends what can be sent, and the events and replies that then have space. */
static void connection_send(struct connection *connection)
{
	connection_send_complete(connection);
	connection_move_events(connection);
	while (!outbox_is_empty(&connection->outbox)) {
		connection_transmit(connection);
		if (connection->broken || !outbox_is_empty(&connection->outbox))
			break;
		connection_send_complete(connection);
		connection_move_events(connection);
	}
	if (connection->outbox.out_of_memory)
		connection->broken = true;
}

/* Whether a request can be answered, or taken, that could not be before. */
static bool connection_has_work(struct connection *connection)
{
	if (!connection->blocked && TAILQ_EMPTY(&connection->waiting))
		return false;
	if (!connection_can_answer(connection))
		return false;
	return connection->answering || (connection->blocked && !connection->taken) ||
	       connection_find_ready(connection);
}

static void connection_update_transit(struct connection *connection)
{
	if (transit_is_pending(&connection->transit))
		transit_update(&connection->transit,
			connection->outbox.fd_count + connection->reply_count);
}

/*
 * A connection that has ended stays open until the client has received its descriptors, for the
 * kernel counts them until then, or until the client closes it.
 */
static enum turn connection_end_turn(struct connection *connection)
{
	connection_update_transit(connection);
	if (!connection_has_ended(connection))
		return TURN_WAIT;
	connection->lingering = !connection->broken && transit_is_pending(&connection->transit);
	return connection->lingering ? TURN_WAIT : TURN_CLOSE;
}

/* Nobody reads the replies of a broken connection: the requests that it has sent are forgotten. */
static enum turn connection_run_turn(struct connection *connection)
{
	unsigned count = 0;
	bool received = false;
	if (connection->broken)
		return TURN_CLOSE;
	connection_update_transit(connection);
	dispatch_begin_turn(connection->session);
	while (count < CONNECTION_TURN) {
		unsigned answered = connection_answer_next(connection);
		count += answered;
		if (answered == 0 && (connection->blocked || received))
			break;
		if (answered > 0 && received && inbox_is_empty(&connection->inbox) &&
			TAILQ_EMPTY(&connection->waiting))
			break;
		if (answered == 0) {
			connection_receive(connection);
			received = true;
		}
	}
	connection_send(connection);
	if (connection->broken)
		return TURN_CLOSE;
	if (count >= CONNECTION_TURN || connection_is_behind(connection))
		return TURN_AGAIN;
	/* Sending may have freed the space that the next request or reply needs. */
	if (outbox_is_empty(&connection->outbox) && connection_has_work(connection))
		return TURN_AGAIN;
	return connection_end_turn(connection);
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
	/* The event of each message that the client receives. */
	if (connection->lingering)
		return EPOLLOUT | EPOLLET;
	if (!connection->input_ended && !connection->closing && !connection->blocked &&
		!connection->over_limit)
		events |= EPOLLIN;
	if (!outbox_is_empty(&connection->outbox))
		events |= EPOLLOUT;
	return events;
}
