/*
 * Requests of the library's caller. If the connection is lost, makes a new one, pins the
 * client's images again and repeats the request once. Only requests that may be carried out
 * twice are made in this way.
 */
#pragma once

#include "client/lib/client.h"
#include "client/protocol/wire.h"

/*
 * Ends a public call, which client_enter() has begun: releases what late answers have pinned.
 * Returns r.
 */
int call_leave(struct shmimg_client *client, int r);

/* Begins the timeout of a public call. Returns 0; -EBUSY inside a handler or while watching. */
int call_enter(struct shmimg_client *client);

/* Begins a request in the call's buffer. */
void call_begin(struct shmimg_client *client, struct wire_writer *writer, const char *verb);

/*
 * Sends the request, with a descriptor unless fd is -1, and waits for the reply's first line.
 * Returns 0 for OK, 1 for ITEM (round_trip_receive() returns the next line), or a negative
 * errno; -ECONNRESET if the daemon went away twice. client->call->repeated is then set if the
 * request was sent twice, so that it may have been carried out twice.
 */
int call_first(struct shmimg_client *client, struct wire_writer *writer, int fd);

/*
 * As call_first(), for a reply of one line, OK. *passed becomes the descriptor that came with
 * the reply, or -1; if passed is NULL, a descriptor is closed.
 */
int call_ask(struct shmimg_client *client, struct wire_writer *writer, int fd, int *passed);

/* Passes the current reply to the handler, which must not use the client. Returns its result. */
int call_hand_over(struct shmimg_client *client, shmimg_record_handler handler, void *context);
