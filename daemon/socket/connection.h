/*
 * A client's connection: receives requests, passes each to dispatch(), and sends the replies: to
 * requests without an id in their order, to the others as soon as they are complete.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "daemon/base/tiny.h"
#include "daemon/command/dispatch.h"
#include "daemon/socket/drain.h"
#include "daemon/socket/incoming.h"
#include "daemon/socket/outbox.h"
#include "daemon/socket/transit.h"
#include "daemon/user/account.h"

enum {
	CONNECTION_TURN = TINY(32, 2),	  /* requests in one turn, at most */
	CONNECTION_REPLIES = TINY(64, 3), /* deferred replies, at most */
	CONNECTION_WAITING = TINY(32, 3), /* requests that wait outside the inbox, at most */
	/* Bytes of their lines, or a single longer line. */
	CONNECTION_WAITING_BYTES = TINY(2 * WIRE_LINE_MAX, 120),
};

struct scheduler_user;

TAILQ_HEAD(reply_list, reply);

/* What a connection needs after a turn. */
enum turn {
	TURN_WAIT,  /* an event of connection_interest(), or a deferred reply */
	TURN_AGAIN, /* another turn */
	TURN_CLOSE, /* to be closed */
};

struct connection {
	TAILQ_ENTRY(connection) link;	/* the server's: all connections */
	TAILQ_ENTRY(connection) queued; /* the scheduler's: those that wait for a turn */
	bool is_queued;
	struct scheduler_user *user;
	/* Called when the connection needs a turn: a deferred reply is complete, or a watch has
	 * events. */
	void (*wake)(struct connection *connection);
	void *server;
	struct session *session;
	int fd;
	uint32_t interest; /* the server's: the events that epoll waits for */

	bool input_ended;  /* the client sends no more */
	bool broken;	   /* the client reads no more: nothing more is answered */
	bool closing;	   /* after an error of protocol: close when all is sent */
	bool ending;	   /* the session releases what it holds, and the connection is closed */
	bool taken;	   /* next holds a request; its line is still in the inbox */
	bool blocked;	   /* the next request cannot be answered yet */
	bool over_limit;   /* too many unclosed files of the user: nothing is received */
	bool lingering;	   /* ended, but descriptors are still under way */
	bool event_due;	   /* the server's: the event loop may have work after a turn */
	uint64_t sequence; /* of the last request */
	struct incoming next;
	struct incoming_list waiting; /* requests that wait for others, in their order */
	unsigned waiting_count;
	size_t waiting_bytes;
	struct incoming *answering; /* the request whose reply has more lines to come, or NULL */

	struct reply_list replies;    /* deferred, without an id, in the order of the requests */
	struct reply_list id_replies; /* deferred, with an id */
	unsigned reply_count;	      /* in both lists */
	struct reply *next_reply;     /* memory for the next deferred reply, or NULL */

	struct inbox inbox;
	struct outbox outbox;
	struct transit transit; /* of the descriptors of replies */

	struct drain_entry drain_entry; /* after connection_close() */
	struct charge charge;		/* to the user, until the socket is closed */
};

/*
 * Takes over an accepted socket and a session. Returns NULL without memory; the caller then still
 * owns both.
 */
struct connection *connection_open(int fd, struct session *session);

/* Sends the error of a rejected connection, without waiting. The socket stays open. */
void connection_send_rejection(
	int fd, enum fault fault, const struct fault_fields *fields, const char *message);

/*
 * Releases a limited part of what the session holds, and ends the use of the connection. Returns
 * whether nothing is left, so that connection_close() takes no longer than this.
 */
bool connection_end(struct connection *connection);

/* Closes the session, drops unsent replies, and passes the socket to drain. */
void connection_close(struct connection *connection, struct drain *drain);

/* Receives, answers and sends for one turn. */
enum turn connection_turn(struct connection *connection);

/* Returns the events of epoll(7) that the connection waits for. */
uint32_t connection_interest(const struct connection *connection);
