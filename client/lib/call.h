/*
 * What the caller of the library asks: a request that survives the daemon, once. Is on a
 * new connection when the old one was lost, with its pins, and repeats what got no answer.
 * Knows no command: only those that may be carried out twice come here.
 */
#pragma once

#include "client/lib/client.h"
#include "client/protocol/wire.h"

/* Begins a public call: its time runs from here. Returns 0, or -EBUSY inside a handler. */
int call_enter(struct shmimg_client *client);

/* Begins a request in the client's memory. */
void call_begin(struct shmimg_client *client, struct wire_writer *writer, const char *verb);

/*
 * Sends it, with a descriptor unless that is -1, and waits for the first line of the reply.
 * Returns 0 for OK, 1 for ITEM (round_trip_receive() has the next), or a negative errno;
 * -ECONNRESET when the daemon went away twice. client->repeated tells whether the request
 * may have been carried out before it was answered.
 */
int call_first(struct shmimg_client *client, struct wire_writer *writer, int fd);

/*
 * As call_first(), of a reply that is the one line OK. *passed becomes the descriptor that
 * came with it, or -1; with passed NULL none is kept.
 */
int call_ask(struct shmimg_client *client, struct wire_writer *writer, int fd, int *passed);
