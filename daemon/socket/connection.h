/*
 * A client's connection: requests in, replies out, in order and within bounds, a fair turn
 * at a time. What the requests mean is not its business: it hands them to dispatch.h.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "daemon/command/dispatch.h"
#include "daemon/socket/drain.h"
#include "daemon/socket/inbox.h"
#include "daemon/socket/outbox.h"
#include "daemon/user/account.h"

enum {
	CONNECTION_TURN = 32,	 /* requests of one connection before it is another's turn */
	CONNECTION_REPLIES = 64, /* replies that wait for an earlier one at most */
};

struct scheduler_user;

/* What has become of a connection after a turn. */
enum turn {
	TURN_WAIT,  /* for the events of connection_interest(), or for a deferred reply */
	TURN_AGAIN, /* it could go on at once */
	TURN_CLOSE, /* it has ended */
};

struct connection {
	TAILQ_ENTRY(connection) link;	/* for the server: of all */
	TAILQ_ENTRY(connection) queued; /* for turns.h: of those that want a turn */
	bool is_queued;
	struct scheduler_user *user;
	/* Told that a deferred reply is complete, and the connection wants a turn. */
	void (*wake)(struct connection *connection);
	void *server;
	struct session *session;
	int fd;
	uint32_t interest; /* for the server: the epoll events that it has asked for */

	bool input_ended;   /* no more will come */
	bool broken;	    /* nobody reads any more */
	bool closing;	    /* the protocol was broken: close when all is sent */
	bool parsed;	    /* request is the next one; its line is still in the inbox */
	bool blocked;	    /* the next request cannot be answered yet */
	bool held;	    /* its user has too many files that are not closed for more to come */
	bool answering;	    /* the answer to it goes on: nothing may come between */
	bool stirred;	    /* for the server: an answer may have given the event loop work */
	size_t line_length; /* of the parsed line, '\n' included */
	struct request request;

	TAILQ_HEAD(, reply) replies; /* deferred, in order */
	unsigned reply_count;
	struct reply *spare; /* for the next deferred one, or NULL */

	struct inbox inbox;
	struct outbox outbox;

	struct drain_entry drain_entry; /* once it is closed */
	struct charge charge;		/* to its user, until the socket is closed, too */
};

/*
 * Takes an accepted socket and a session over. Returns NULL without memory; then both stay
 * the caller's.
 */
struct connection *connection_open(int fd, struct session *session);

/* Says why there is no connection on a socket, without waiting; it stays open. */
void connection_refuse(int fd, enum fault fault, const char *message);

/* Ends the session, and closes the socket and what waits to be sent; the socket perhaps later. */
void connection_close(struct connection *connection, struct drain *drain);

/* Reads, answers and sends for one turn. */
enum turn connection_turn(struct connection *connection);

/* The epoll events that it waits for. */
uint32_t connection_interest(const struct connection *connection);
