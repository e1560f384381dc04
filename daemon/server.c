/*
 * The listening socket and all connections.
 * See server.h for what it does and never does.
 */
#include "daemon/server.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/buffer.h"
#include "daemon/cleanup.h"
#include "daemon/log.h"
#include "daemon/session.h"

enum { BATCH = 64, ACCEPTS = 32, PAUSE_USEC = 200000, RETRY_MSEC = 10 };

static void want_turn(struct server *server, struct connection *connection)
{
	if (connection->is_queued)
		return;
	connection->is_queued = true;
	TAILQ_INSERT_TAIL(&server->queue, connection, queued);
}

/* A deferred reply is complete; the turn comes when the current event is dealt with. */
static void on_wake(struct connection *connection)
{
	want_turn(connection->server, connection);
}

static void close_connection(struct server *server, struct connection *connection)
{
	TAILQ_REMOVE(&server->connections, connection, link);
	if (connection->is_queued)
		TAILQ_REMOVE(&server->queue, connection, queued);
	server->count--;
	/* Closing is not enough: a decoder just started may share the socket until its exec(2)
	 * is through, and epoll(7) would go on to tell of it. */
	epoll_ctl(server->epoll, EPOLL_CTL_DEL, connection->fd, NULL);
	connection_close(connection);
}

/* A connection of which nothing would be heard any more is closed. */
static void update_interest(struct server *server, struct connection *connection)
{
	uint32_t interest = connection_interest(connection);
	if (interest == connection->interest)
		return;
	struct epoll_event event = {.events = interest, .data.ptr = connection};
	connection->interest = interest;
	if (epoll_ctl(server->epoll, EPOLL_CTL_MOD, connection->fd, &event) < 0)
		close_connection(server, connection);
}

/* Gives each connection in the queue one turn; those that could go on queue up again. */
static void run_turns(struct server *server)
{
	struct connection *last = TAILQ_LAST(&server->queue, turn_queue);
	struct connection *connection = NULL;
	while (last && connection != last) {
		connection = TAILQ_FIRST(&server->queue);
		TAILQ_REMOVE(&server->queue, connection, queued);
		connection->is_queued = false;
		enum turn turn = connection_turn(connection);
		if (turn == TURN_AGAIN)
			want_turn(server, connection);
		if (turn == TURN_CLOSE)
			close_connection(server, connection);
		else
			update_interest(server, connection);
	}
}

/*
 * Waits for connections and, unless there is something to do at once, for other events; puts
 * connections that are ready into the queue. Returns 0 or a negative errno.
 */
static int wait_ready(struct server *server, bool at_once)
{
	struct epoll_event events[BATCH];
	int timeout = at_once || !TAILQ_EMPTY(&server->queue) ? 0 : -1;
	int count = epoll_wait(server->epoll, events, BATCH, timeout);
	if (count < 0)
		return errno == EINTR ? 0 : -errno;
	for (int i = 0; i < count; i++) {
		struct connection *connection = events[i].data.ptr;
		if (!connection)
			continue; /* it is the event loop's, which comes next in any case */
		if (events[i].events & (EPOLLHUP | EPOLLERR))
			connection->broken = true;
		want_turn(server, connection);
	}
	return 0;
}

/*
 * One round: a client's request is answered before the event loop is asked for anything,
 * so that what that costs comes while the client reads.
 */
static int run_once(struct server *server)
{
	int pending = sd_event_prepare(server->event);
	int r = pending < 0 ? pending : wait_ready(server, pending > 0);
	if (r < 0)
		return r;
	run_turns(server);
	if (pending == 0)
		pending = sd_event_wait(server->event, 0);
	return pending > 0 ? sd_event_dispatch(server->event) : pending;
}

/* No event is lost by a want of memory in there, and it is tried again in a while. */
int server_run(struct server *server)
{
	int before = 0, code;
	while (sd_event_get_state(server->event) != SD_EVENT_FINISHED) {
		int r = run_once(server);
		if (r < 0 && r != -ENOMEM)
			return r;
		if (r < 0 && before >= 0)
			log_warning("no memory to wait for events with");
		if (r < 0)
			poll(NULL, 0, RETRY_MSEC);
		before = r;
	}
	int r = sd_event_get_exit_code(server->event, &code);
	return r < 0 ? r : code;
}

static void turn_away(const struct server *server, int fd, uid_t uid)
{
	char text[160];
	accounts_explain(
		&server->engine->accounts, uid, RESOURCE_CONNECTIONS, 1, text, sizeof(text));
	connection_refuse(fd, FAULT_OVER_QUOTA, text);
}

/* Finds out who is there, and whether there is a place for them. */
static int make_session(struct server *server, int fd, struct session **session)
{
	struct credentials who;
	int r = credentials_read(&who, fd);
	if (r < 0)
		return r;
	r = session_open(session, server->engine, &who);
	if (r == -EDQUOT)
		turn_away(server, fd, who.uid);
	if (r < 0)
		credentials_free(&who);
	return r;
}

static int refuse_busy(int fd, int error)
{
	connection_refuse(fd, FAULT_BUSY, strerror(-error));
	return error;
}

static int admit(struct server *server, int socket)
{
	OWN_FD int fd = socket;
	struct session *session;
	int r = make_session(server, fd, &session);
	if (r < 0)
		return r == -EDQUOT ? r : refuse_busy(fd, r);
	struct connection *connection = connection_open(fd, session);
	if (!connection) {
		session_close(session);
		return refuse_busy(fd, -ENOMEM);
	}
	take_fd(&fd);
	connection->wake = on_wake;
	connection->server = server;
	connection->interest = connection_interest(connection);
	TAILQ_INSERT_TAIL(&server->connections, connection, link);
	server->count++;
	struct epoll_event event = {.events = connection->interest, .data.ptr = connection};
	if (epoll_ctl(server->epoll, EPOLL_CTL_ADD, connection->fd, &event) == 0)
		return 0;
	r = refuse_busy(connection->fd, -errno);
	close_connection(server, connection);
	return r;
}

/* Out of descriptors or memory: those who are served go on; others wait in the backlog. */
static bool must_pause(int error)
{
	return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

/* Says so once, however often it must be tried again. */
static void pause_accepting(struct server *server, int error)
{
	if (!server->paused)
		log_warning("accepting no connection for a while: %s", strerror(error));
	server->paused = true;
	sd_event_source_set_enabled(server->accepting, SD_EVENT_OFF);
	sd_event_source_set_time_relative(server->pause, PAUSE_USEC);
	sd_event_source_set_enabled(server->pause, SD_EVENT_ONESHOT);
}

static int on_pause_end(sd_event_source *source, uint64_t usec, void *context)
{
	struct server *server = context;
	(void)source;
	(void)usec;
	int r = sd_event_source_set_enabled(server->accepting, SD_EVENT_ON);
	if (r < 0)
		pause_accepting(server, -r);
	return 0;
}

static int on_accepting(sd_event_source *source, int fd, uint32_t events, void *context)
{
	struct server *server = context;
	(void)source;
	(void)events;
	for (int i = 0; i < ACCEPTS; i++) {
		int socket = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		int r = socket < 0 ? -errno : admit(server, socket);
		if (r == 0)
			server->paused = false;
		if (r == -EAGAIN)
			break;
		if (r < 0 && must_pause(-r)) {
			pause_accepting(server, -r);
			break;
		}
	}
	return 0;
}

static int add_sources(struct server *server)
{
	int r = sd_event_add_io(
		server->event, &server->accepting, server->listener, EPOLLIN, on_accepting, server);
	if (r >= 0)
		r = sd_event_add_time_relative(
			server->event, &server->pause, CLOCK_MONOTONIC, 0, 0, on_pause_end, server);
	if (r >= 0)
		r = sd_event_source_set_enabled(server->pause, SD_EVENT_OFF);
	return r;
}

/* The event loop wakes this one. */
static int add_event_loop(struct server *server)
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
	*server = (struct server){.event = event, .engine = engine, .listener = listener};
	TAILQ_INIT(&server->connections);
	TAILQ_INIT(&server->queue);
	int r = add_event_loop(server);
	if (r == 0)
		r = buffer_prepare();
	if (r == 0)
		r = add_sources(server);
	if (r < 0)
		server_stop(server);
	return r;
}

void server_stop(struct server *server)
{
	server->accepting = sd_event_source_disable_unref(server->accepting);
	server->pause = sd_event_source_disable_unref(server->pause);
	while (!TAILQ_EMPTY(&server->connections))
		close_connection(server, TAILQ_FIRST(&server->connections));
	if (server->epoll >= 0)
		close(server->epoll);
	close(server->listener);
	buffer_trim();
}
