/*
 * One epoll(7) waits for all connections, in batches. The event loop of sd-event(3), for everything
 * except clients' requests, is one of its descriptors. A request is answered before the event loop
 * is asked, and the event loop is asked only when it may have work: most requests give it none, and
 * asking it costs several system calls.
 *
 * The kernel hands out new connections in the order in which they came, whosever they are. So that
 * nobody waits behind a user who makes thousands of them, many are accepted at once, a connection
 * above its user's limit is refused with as little work as possible, and the requests of the others
 * are served by the turns of their users.
 */
#include "daemon/socket/server.h"

#include <errno.h>
#include <malloc.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/base/clock.h"
#include "daemon/base/fd-budget.h"
#include "daemon/base/tiny.h"
#include "daemon/base/turn-times.h"
#include "daemon/command/client.h"
#include "daemon/log/log.h"
#include "daemon/socket/buffer.h"

enum {
	BATCH_SIZE = TINY(256, 1),	/* events from one epoll_wait(2) */
	ACCEPT_BATCH = TINY(32, 1),	/* connections accepted in one turn */
	ACCEPT_GROUPS = TINY(16384, 1), /* no more are accepted in it when these have so many groups
					 */
	PAUSE_USEC = 200000,
	RETRY_MSEC = 10,
	TRIM_PEAK_MIN = TINY(64, 2), /* connections */
	HEAP_MAX = 32 << 20, /* bytes that are looked at in one turn: less than a millisecond */
};

/* Time for turns before the next epoll_wait(2). */
#define SLICE_USEC 200

/* The connection's turn comes after the current event. */
static void server_on_wake(struct connection *connection)
{
	struct server *server = connection->server;
	scheduler_enqueue(&server->scheduler, connection);
}

/* Connections of users with too many unclosed files can continue, or must be closed. */
static void server_on_close_queues_changed(void *context)
{
	struct server *server = context;
	struct connection *connection;
	TAILQ_FOREACH (connection, &server->connections, link) {
		if (connection->over_limit)
			scheduler_enqueue(&server->scheduler, connection);
	}
}

/*
 * Returns memory to the kernel when three quarters of many connections are closed. That looks at
 * each page of the heap: a large one, such as many images make, is returned under memory pressure.
 */
static void server_trim_memory(struct server *server)
{
	if (server->peak < TRIM_PEAK_MIN || server->count > server->peak / 4)
		return;
	if ((char *)sbrk(0) - server->heap < HEAP_MAX)
		malloc_trim(0);
	server->peak = server->count;
}

static void server_remove_connection(struct server *server, struct connection *connection)
{
	TAILQ_REMOVE(&server->connections, connection, link);
	scheduler_remove(&server->scheduler, connection);
	server->count--;
	server->event_due = true;
	connection_close(connection, &server->drain);
}

/* What is left after this is done in the next turns of the connection, which are its user's. */
static void server_end_connection(struct server *server, struct connection *connection)
{
	server->event_due = true;
	if (!connection_end(connection)) {
		scheduler_enqueue(&server->scheduler, connection);
		return;
	}
	server_remove_connection(server, connection);
	server_trim_memory(server);
}

static void server_close_connection(struct server *server, struct connection *connection)
{
	/* The socket may stay open: in drain, or in a new decoder until its exec(2). Without this,
	 * epoll(7) would still report its events. */
	epoll_ctl(server->epoll, EPOLL_CTL_DEL, connection->fd, NULL);
	server_end_connection(server, connection);
}

/* Closes the connection if epoll cannot wait for its events. */
static void server_update_interest(struct server *server, struct connection *connection)
{
	uint32_t interest = connection_interest(connection);
	if (interest == connection->interest)
		return;
	struct epoll_event event = {.events = interest, .data.ptr = connection};
	connection->interest = interest;
	if (epoll_ctl(server->epoll, EPOLL_CTL_MOD, connection->fd, &event) < 0)
		server_close_connection(server, connection);
}

static void server_run_turn(struct server *server, struct connection *connection)
{
	if (connection->ending) {
		server_end_connection(server, connection);
		return;
	}
	enum turn turn = connection_turn(connection);
	if (turn == TURN_CLOSE) {
		server_close_connection(server, connection);
		return;
	}
	server->event_due |= connection->event_due;
	connection->event_due = false;
	if (turn == TURN_AGAIN)
		scheduler_enqueue(&server->scheduler, connection);
	server_update_interest(server, connection);
}

/* Runs turns for SLICE_USEC; connections that need another one are queued again. */
static void server_run_turns(struct server *server)
{
	struct connection *connection;
	uint64_t now, end = 0;
	while ((connection = scheduler_dequeue(&server->scheduler))) {
		turn_times_begin(server->turn_times);
		server_run_turn(server, connection);
		now = turn_times_end(server->turn_times);
		if (end == 0)
			end = now + SLICE_USEC;
		if (now >= end)
			break;
	}
}

/* Dispatches one event of the event loop: this is a turn too. */
static int server_dispatch_event(struct server *server)
{
	turn_times_begin(server->turn_times);
	int r = sd_event_dispatch(server->event);
	turn_times_end(server->turn_times);
	return r;
}

/*
 * Waits for events, unless there is work already, and queues the connections that are ready.
 * Returns 0 or a negative errno.
 */
static int server_wait_ready(struct server *server, bool has_work)
{
	struct epoll_event events[BATCH_SIZE];
	int timeout = has_work || !scheduler_is_empty(&server->scheduler) ? 0 : -1;
	int count = epoll_wait(server->epoll, events, BATCH_SIZE, timeout);
	if (count < 0)
		return errno == EINTR ? 0 : -errno;
	for (int i = 0; i < count; i++) {
		struct connection *connection = events[i].data.ptr;
		if (!connection) {
			server->event_due = true;
			continue;
		}
		if (events[i].events & (EPOLLHUP | EPOLLERR))
			connection->broken = true;
		scheduler_enqueue(&server->scheduler, connection);
	}
	return 0;
}

/* Prepares the event loop to wait, unless it is prepared. */
static int server_prepare(struct server *server, int state)
{
	if (state == SD_EVENT_ARMED)
		return 0;
	server->event_due = false;
	return sd_event_prepare(server->event);
}

/* One round: waits, runs turns, and then dispatches an event if the event loop may have one. */
static int server_run_once(struct server *server, int state)
{
	int pending = server_prepare(server, state);
	int r = pending < 0 ? pending : server_wait_ready(server, pending > 0);
	if (r < 0)
		return r;
	server_run_turns(server);
	if (pending == 0 && server->event_due)
		pending = sd_event_wait(server->event, 0);
	return pending > 0 ? server_dispatch_event(server) : pending;
}

/* No event is lost when the event loop has no memory, so it is tried again later. */
int server_run(struct server *server)
{
	int last_result = 0, state, code;
	while ((state = sd_event_get_state(server->event)) != SD_EVENT_FINISHED) {
		int r = server_run_once(server, state);
		if (r < 0 && r != -ENOMEM)
			return r;
		if (r < 0 && last_result >= 0)
			log_warning("out of memory while waiting for events; trying again");
		if (r < 0)
			poll(NULL, 0, RETRY_MSEC);
		last_result = r;
	}
	int r = sd_event_get_exit_code(server->event, &code);
	return r < 0 ? r : code;
}

static void server_reject_over_quota(
	const struct server *server, int fd, const struct credentials *who)
{
	char text[160];
	struct log_client client = {who->uid, who->pid};
	struct fault_fields fields = session_explain_limit(server->engine, who, text, sizeof(text));
	log_write(&(struct log_entry){LOG_ENTRY(WARNING, CROWDED), .client = &client},
		"a connection is refused: %s", text);
	connection_send_rejection(fd, FAULT_OVER_QUOTA, &fields, text);
}

/* Opens a session. Nothing else is read of or done for a client that is refused anyway. */
static int server_make_session(struct server *server, int fd, struct session **session)
{
	const int one = 1;
	struct credentials who;
	int r = credentials_read_user(&who, fd);
	if (r < 0)
		return r;
	if (!session_is_allowed(server->engine, who.uid)) {
		server_reject_over_quota(server, fd, &who);
		return -EDQUOT;
	}
	/* Makes urgent bytes part of the input: else the kernel would drop them in the middle of a
	 * read, with their descriptors. */
	if (setsockopt(fd, SOL_SOCKET, SO_OOBINLINE, &one, sizeof(one)) < 0)
		return -errno;
	r = credentials_read_groups(&who, fd);
	server->accepted_groups += who.group_count;
	if (r == 0)
		r = session_open(session, server->engine, &who);
	if (r < 0)
		credentials_free(&who);
	return r;
}

static void server_reject_busy(int fd, int error)
{
	connection_send_rejection(fd, FAULT_BUSY, &(struct fault_fields){0},
		error == -EBUSY ? close_queue_stuck_text : strerror(-error));
}

/* Returns NULL with a negative errno for a rejected connection. */
static struct connection *server_open_connection(struct server *server, int fd, int *error)
{
	struct session *session;
	struct connection *connection = NULL;
	int r = server_make_session(server, fd, &session);
	if (r == 0 && !(connection = connection_open(fd, session))) {
		session_close(session);
		r = -ENOMEM;
	}
	if (r < 0 && r != -EDQUOT)
		server_reject_busy(fd, r);
	*error = r;
	return connection;
}

static int server_admit(struct server *server, int fd)
{
	int r;
	struct connection *connection = server_open_connection(server, fd, &r);
	if (!connection) {
		drain_close_rejected(&server->drain, fd);
		return r;
	}
	connection->wake = server_on_wake;
	connection->server = server;
	connection->interest = connection_interest(connection);
	TAILQ_INSERT_TAIL(&server->connections, connection, link);
	server->count++;
	if (server->count > server->peak)
		server->peak = server->count;
	r = scheduler_add(&server->scheduler, connection, session_uid(connection->session));
	struct epoll_event event = {.events = connection->interest, .data.ptr = connection};
	if (r == 0 && epoll_ctl(server->epoll, EPOLL_CTL_ADD, connection->fd, &event) < 0)
		r = -errno;
	if (r == 0)
		return 0;
	server_reject_busy(connection->fd, r);
	server_close_connection(server, connection);
	return r;
}

/* Without descriptors or memory, new clients wait in the backlog; connected clients are served. */
static bool server_must_pause(int error)
{
	return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

/* Logs one message for all pauses until the next accepted connection. */
static void server_pause_accepting(struct server *server, int error)
{
	if (!server->paused)
		log_write(&(struct log_entry){LOG_ENTRY(WARNING, CROWDED), .error = error},
			"accepting is paused, and new connections wait: %s", strerror(error));
	server->paused = true;
	sd_event_source_set_enabled(server->accepting, SD_EVENT_OFF);
	sd_event_source_set_time_relative(server->pause, PAUSE_USEC);
	sd_event_source_set_enabled(server->pause, SD_EVENT_ONESHOT);
}

static int server_on_pause_end(sd_event_source *source, uint64_t usec, void *context)
{
	struct server *server = context;
	(void)source;
	(void)usec;
	int r = sd_event_source_set_enabled(server->accepting, SD_EVENT_ON);
	if (r < 0)
		server_pause_accepting(server, -r);
	return 0;
}

static int server_on_accepting(sd_event_source *source, int fd, uint32_t events, void *context)
{
	struct server *server = context;
	(void)source;
	(void)events;
	server->accepted_groups = 0;
	for (int i = 0; i < ACCEPT_BATCH && server->accepted_groups < ACCEPT_GROUPS; i++) {
		int r = drain_prepare_rejected(&server->drain);
		bool full = r < 0;
		int socket = full ? -1 : accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (socket >= 0)
			fd_budget_take(1);
		if (!full)
			r = socket < 0 ? -errno : server_admit(server, socket);
		if (r == 0)
			server->paused = false;
		if (r == -EAGAIN)
			break;
		if (r < 0 && (full || server_must_pause(-r))) {
			server_pause_accepting(server, -r);
			break;
		}
	}
	return 0;
}

static int server_add_sources(struct server *server)
{
	int r = sd_event_add_io(server->event, &server->accepting, server->listener, EPOLLIN,
		server_on_accepting, server);
	if (r >= 0)
		r = sd_event_add_time_relative(server->event, &server->pause, CLOCK_MONOTONIC, 0, 0,
			server_on_pause_end, server);
	if (r >= 0)
		r = sd_event_source_set_enabled(server->pause, SD_EVENT_OFF);
	return r;
}

/* Makes epoll wait for the event loop too. */
static int server_add_event_loop(struct server *server)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
	server->epoll = epoll_create1(EPOLL_CLOEXEC);
	int fd = server->epoll < 0 ? -errno : sd_event_get_fd(server->event);
	if (fd < 0)
		return fd;
	return epoll_ctl(server->epoll, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

int server_start(struct server *server, sd_event *event, struct engine *engine, int listener)
{
	*server = (struct server){
		.event = event, .engine = engine, .listener = listener, .epoll = -1};
	server->heap = sbrk(0);
	server->turn_times = session_turn_times(engine);
	TAILQ_INIT(&server->connections);
	scheduler_init(&server->scheduler);
	session_on_files_changed(engine, server_on_close_queues_changed, server);
	int r = drain_start(&server->drain, event);
	if (r == 0)
		r = server_add_event_loop(server);
	if (r == 0)
		r = buffer_prepare();
	if (r == 0)
		r = server_add_sources(server);
	if (r < 0)
		server_stop(server);
	return r;
}

void server_stop(struct server *server)
{
	server->accepting = sd_event_source_disable_unref(server->accepting);
	server->pause = sd_event_source_disable_unref(server->pause);
	while (!TAILQ_EMPTY(&server->connections))
		server_remove_connection(server, TAILQ_FIRST(&server->connections));
	drain_stop(&server->drain);
	if (server->epoll >= 0)
		close(server->epoll);
	close(server->listener);
	buffer_trim();
	session_on_files_changed(server->engine, NULL, NULL);
}
