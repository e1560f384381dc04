/*
 * A connection to the daemon as the library's files share it: its state, and the two ways
 * in which a call on it can fail. Knows no command but HELLO.
 */
#pragma once

#include <stdbool.h>

#include "client/lib/channel.h"
#include "client/lib/public.h"
#include "client/protocol/wire.h"

struct shmimg_client {
	int timeout_ms;
	deadline end;	    /* of the present wait for the daemon */
	bool lost;	    /* the connection is of no more use */
	bool watching;	    /* for events alone */
	bool busy;	    /* inside the caller's handler */
	uid_t said_uid;	    /* the daemon's, as it says itself */
	const char *code;   /* word of the daemon's last refusal, or "" */
	char message[1024]; /* of the last failure */
	char version[64];
	struct wire_line reply; /* points into the channel's data */
	struct channel channel;
	char request[WIRE_LINE_MAX];
};

/* Notes why a call failed; the connection stays as it is. Returns error. */
__attribute__((format(printf, 3, 4))) int client_fail(
	struct shmimg_client *client, int error, const char *format, ...);

/*
 * As client_fail(), and gives the connection up: nobody knows any more which reply belongs
 * to which request. The daemon sees its end, and lets go of the pins.
 */
__attribute__((format(printf, 3, 4))) int client_lose(
	struct shmimg_client *client, int error, const char *format, ...);
