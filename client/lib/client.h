/*
 * A client as the library's files share it: its state, and the ways in which a call on it can
 * fail. Sends and receives nothing.
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
	CLIENT_LOST, /* not connected; the next call connects */
	CLIENT_OPEN,
	CLIENT_BROKEN, /* the daemon violated the protocol; never connects again */
};

/* The error of the last failed call. */
struct client_failure {
	const char *code; /* error code of the daemon, or "" */
	char message[1024];
};

struct shmimg_client {
	int timeout_ms;
	deadline end; /* of the current call, or of its current wait */
	enum client_state state;
	bool watching;	    /* only shmimg_next_event() may be called */
	char *match;	    /* the glob that it watches, or NULL: all */
	bool busy;	    /* inside the caller's handler */
	bool sent;	    /* the last request was sent completely */
	bool repeated;	    /* the current request was sent twice */
	bool was_lost;	    /* a connection was lost before, maybe with its pins */
	uid_t reported_uid; /* the daemon's, according to its HELLO reply */
	struct client_failure failure;
	char version[64];
	uid_t uid; /* the caller's */
	struct pins pins;
	struct mapping_cache cache;
	struct board_view board;
	struct wire_line reply; /* points into the channel's data */
	struct channel channel;
	char request[WIRE_LINE_MAX];	      /* the caller's request, until it is answered */
	char internal_request[WIRE_LINE_MAX]; /* a request of the library's own */
};

/* Sets the error of a failed call; the connection stays as it is. Returns error. */
__attribute__((format(printf, 3, 4))) int client_fail(
	struct shmimg_client *client, int error, const char *format, ...);

/*
 * As client_fail(), and ends the connection, because the next line could be the reply to an
 * older request. The daemon then releases the client's pins. After -EPROTO the client never
 * connects again.
 */
__attribute__((format(printf, 3, 4))) int client_lose(
	struct shmimg_client *client, int error, const char *format, ...);

/* As client_lose(), after the daemon refused the connection; keeps the daemon's error. */
int client_lose_refused(struct shmimg_client *client, int error);
