/*
 * One request and its reply: bounded in time, and either whole or the end of the
 * connection. Knows OK, ERR and ITEM, and no command.
 */
#pragma once

#include "client/lib/client.h"
#include "client/protocol/wire.h"

/*
 * Begins a request in the client's memory. Returns 0, -ECONNRESET when the connection was
 * lost before, or -EBUSY inside a handler.
 */
int call_begin(struct shmimg_client *client, struct wire_writer *writer, const char *verb);

/* Ends and sends it, with a descriptor unless that is -1. */
int call_send(struct shmimg_client *client, struct wire_writer *writer, int fd);

/*
 * Waits for a line of the reply, which is in client->reply then.
 * Returns 0 for OK, 1 for ITEM, or a negative errno.
 */
int call_receive(struct shmimg_client *client);

/*
 * Sends, and waits for a reply of the one line OK. Returns 0 or a negative errno.
 * *passed becomes the descriptor that came with it, or -1; with passed NULL none is kept.
 */
int call_ask(struct shmimg_client *client, struct wire_writer *writer, int fd, int *passed);
