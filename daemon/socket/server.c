/*
 * The listening socket and all connections.
 */
#include "daemon/socket/server.h"

#include <errno.h>
#include <malloc.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/base/clock.h"
#include "daemon/base/fd-budget.h"
#include "daemon/command/client.h"
#include "daemon/log/log.h"
#include "daemon/socket/buffer.h"

enum {
	BATCH = 256,
	ACCEPTS = 8,
	PAUSE_USEC = 200000,
	RETRY_MSEC = 10,
	MANY = 64,
};

/* Turns that are given before it is looked who else has come. */
#define SLICE_USEC 200

/* A deferred reply is complete; the turn comes when the current event is dealt with. */
static void server_on_wake(struct connection *connection)
{
	struct server *server = connection->server;
	scheduler_want(&server->scheduler, connection);
}

/* Connections whose users had too many files to be closed may go on, or are to end. */
static void server_on_files_changed(void *context)
{
	struct server *server = context;
	struct connection *connection;
	TAILQ_FOREACH (connection, &server->connections, link) {
		if (connection->held)
			scheduler_want(&server->scheduler, connection);
	}
}

/* What a crowd has taken goes back to the machine when most of it has left. */
static void server_trim_memory(struct server *server)
{
	if (server->peak < MANY || server->count > server->peak / 4)
		return;
	malloc_trim(0);
	server->peak = server->count;
}

static void server_close_connection(struct server *server, struct connection *connection)
{
	TAILQ_REMOVE(&server->connections, connection, link);
	scheduler_leave(&server->scheduler, connection);
	server->count--;
	server->event_due = true;
	/* The socket may be closed later, or be shared by a decoder until its exec(2) is through,
	 * and epoll(7) would go on to tell of it. */
	epoll_ctl(server->epoll, EPOLL_CTL_DEL, connection->fd, NULL);
	connection_close(connection, &server->drain);
	server_trim_memory(server);
}

/* A connection of which nothing would be heard any more is closed. */
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

static void server_give_turn(struct server *server, struct connection *connection)
{
	enum turn turn = connection_turn(connection);
	if (turn == TURN_CLOSE) {
		server_close_connection(server, connection);
		return;
	}
	server->event_due |= connection->stirred;
	connection->stirred = false;
	if (turn == TURN_AGAIN)
		scheduler_want(&server->scheduler, connection);
	server_update_interest(server, connection);
}

/* Gives a turn, and more of them for a while; those that could go on queue up again. */
static void server_run_turns(struct server *server)
{
	struct connection *connection;
	uint64_t now, end = 0;
	while ((connection = scheduler_next(&server->scheduler))) {
		server_give_turn(server, connection);
		if (!scheduler_wanted(&server->scheduler))
			break;
		now = clock_now_usec();
		if (end == 0)
			end = now + SLICE_USEC;
		if (now >= end)
			break;
	}
}

/*
 * Waits for connections and, unless there is something to do at once, for other events; puts
 * connections that are ready into the queue. Returns 0 or a negative errno.
 */
static int server_wait_ready(struct server *server, bool at_once)
{
	struct epoll_event events[BATCH];
	int timeout = at_once || scheduler_wanted(&server->scheduler) ? 0 : -1;
	int count = epoll_wait(server->epoll, events, BATCH, timeout);
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
		scheduler_want(&server->scheduler, connection);
	}
	return 0;
}

/* Has the event loop say what it waits for, unless it has said so and that is true still. */
static int server_prepare(struct server *server, int state)
{
	if (state == SD_EVENT_ARMED)
		return 0;
	server->event_due = false;
	return sd_event_prepare(server->event);
}

/*
 * One round: a client's request is answered before the event loop is asked for anything,
 * so that what that costs comes while the client reads. Unless it is due it is not asked.
 */
static int server_run_once(struct server *server, int state)
{
	int pending = server_prepare(server, state);
	int r = pending < 0 ? pending : server_wait_ready(server, pending > 0);
	if (r < 0)
		return r;
	server_run_turns(server);
	if (pending == 0 && server->event_due)
		pending = sd_event_wait(server->event, 0);
	return pending > 0 ? sd_event_dispatch(server->event) : pending;
}

/* No event is lost by a want of memory in there, and it is tried again in a while. */
int server_run(struct server *server)
{
	int before = 0, state, code;
	while ((state = sd_event_get_state(server->event)) != SD_EVENT_FINISHED) {
		int r = server_run_once(server, state);
		if (r < 0 && r != -ENOMEM)
			return r;
		if (r < 0 && before >= 0)
			log_warning("out of memory while waiting for events; trying again");
		if (r < 0)
			poll(NULL, 0, RETRY_MSEC);
		before = r;
	}
	int r = sd_event_get_exit_code(server->event, &code);
	return r < 0 ? r : code;
}

static void server_turn_away(const struct server *server, int fd, const struct credentials *who)
{
	char text[160];
	struct log_client client = {who->uid, who->pid};
	session_explain_limit(server->engine, who, text, sizeof(text));
	log_write(&(struct log_entry){LOG_ENTRY(WARNING, CROWDED), .client = &client},
		"a connection is refused: %s", text);
	connection_refuse(fd, FAULT_OVER_QUOTA, text);
}

/* Finds out who is there, and whether there is a place for them. */
static int server_make_session(struct server *server, int fd, struct session **session)
{
	struct credentials who;
	int r = credentials_read(&who, fd);
	if (r < 0)
		return r;
	r = session_open(session, server->engine, &who);
	if (r == -EDQUOT)
		server_turn_away(server, fd, &who);
	if (r < 0)
		credentials_free(&who);
	return r;
}

static void server_refuse_busy(int fd, int error)
{
	connection_refuse(
		fd, FAULT_BUSY, error == -EBUSY ? close_queue_stuck_text : strerror(-error));
}

/*
 * What comes urgently is read as all else: the kernel would throw it away in the middle of a
 * read, with its descriptors. Returns NULL with a negative errno when nobody is admitted.
 */
static struct connection *server_open_connection(struct server *server, int fd, int *error)
{
	const int one = 1;
	struct session *session;
	struct connection *connection = NULL;
	int r = setsockopt(fd, SOL_SOCKET, SO_OOBINLINE, &one, sizeof(one)) < 0 ? -errno : 0;
	if (r == 0)
		r = server_make_session(server, fd, &session);
	if (r == 0 && !(connection = connection_open(fd, session))) {
		session_close(session);
		r = -ENOMEM;
	}
	if (r < 0 && r != -EDQUOT)
		server_refuse_busy(fd, r);
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
	r = scheduler_join(&server->scheduler, connection, session_uid(connection->session));
	struct epoll_event event = {.events = connection->interest, .data.ptr = connection};
	if (r == 0 && epoll_ctl(server->epoll, EPOLL_CTL_ADD, connection->fd, &event) < 0)
		r = -errno;
	if (r == 0)
		return 0;
	server_refuse_busy(connection->fd, r);
	server_close_connection(server, connection);
	return r;
}

/* Out of descriptors or memory: those who are served go on; others wait in the backlog. */
static bool server_must_pause(int error)
{
	return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

/* Logs one message, however often accepting is tried again. */
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
	for (int i = 0; i < ACCEPTS; i++) {
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

/* The event loop wakes this one. */
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
	TAILQ_INIT(&server->connections);
	scheduler_init(&server->scheduler);
	session_on_files_changed(engine, server_on_files_changed, server);
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
		server_close_connection(server, TAILQ_FIRST(&server->connections));
	drain_stop(&server->drain);
	if (server->epoll >= 0)
		close(server->epoll);
	close(server->listener);
	buffer_trim();
	session_on_files_changed(server->engine, NULL, NULL);
}
