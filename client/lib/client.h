/*
 * A connection to the daemon as the library's files share it: its state, and the ways in
 * which a call on it can fail. Sends and receives nothing.
 */
#pragma once

#include <stdbool.h>

#include "client/lib/board.h"
#include "client/lib/channel.h"
#include "client/lib/mapping-cache.h"
#include "client/lib/pins.h"
#include "client/lib/public.h"
#include "client/protocol/wire.h"

enum client_state {
	CLIENT_LOST, /* there is no connection; the next call makes one */
	CLIENT_OPEN,
	CLIENT_BROKEN, /* what answered does not keep to the protocol: for good */
};

/* What the last failed call said. */
struct client_failure {
	const char *code; /* word of the daemon's refusal, or "" */
	char message[1024];
};

struct shmimg_client {
	int timeout_ms;
	deadline end; /* of the present call, or of its present wait */
	enum client_state state;
	bool watching;	    /* for events alone */
	char *match;	    /* what it watches, or NULL: all */
	bool busy;	    /* inside the caller's handler */
	bool sent;	    /* the last request has gone out whole */
	bool repeated;	    /* the present request may have been carried out before */
	bool was_lost;	    /* a connection was, once; pins may have gone with it */
	uid_t reported_uid; /* the daemon's, as it says itself */
	struct client_failure failure;
	char version[64];
	uid_t uid; /* the caller's */
	struct pins pins;
	struct mapping_cache cache;
	struct board_view board;
	struct wire_line reply; /* points into the channel's data */
	struct channel channel;
	char request[WIRE_LINE_MAX];	      /* what the caller asks; kept until it is answered */
	char internal_request[WIRE_LINE_MAX]; /* what the library asks by itself */
};

/* Notes why a call failed; the connection stays as it is. Returns error. */
__attribute__((format(printf, 3, 4))) int client_fail(
	struct shmimg_client *client, int error, const char *format, ...);

/*
 * As client_fail(), and gives the connection up: nobody knows any more which reply belongs
 * to which request. The daemon sees its end, and lets go of the pins. After -EPROTO there
 * will be no other connection.
 */
__attribute__((format(printf, 3, 4))) int client_lose(
	struct shmimg_client *client, int error, const char *format, ...);

/* As client_lose(), of a connection that the daemon has refused; what it said is kept. */
int client_lose_refused(struct shmimg_client *client, int error);
