/*
 * Requests and answers on the current connection, of all threads that use the client: gives each
 * request an id if the daemon answers out of order, and each call the lines that are for it. Knows
 * where an answer ends, but no command. Never makes a connection.
 */
#pragma once

#include "client/lib/client.h"
#include "client/protocol/wire.h"

/*
 * Sends a request of the current call, with a descriptor unless fd is -1. Returns 0 even if the
 * daemon has gone: its last line may say why, and exchange_receive() reads it.
 */
int exchange_send(struct shmimg_client *client, const struct wire_writer *request, int fd);

/*
 * Sends a request that changes nothing if it fails, and that is not waited for. Returns 0,
 * -ECONNRESET if the daemon has gone, or another errno.
 */
int exchange_post(struct shmimg_client *client, const struct wire_writer *request);

/* Makes the current call wait for an EVENT line. */
void exchange_expect_event(struct shmimg_client *client);

/*
 * Waits for the next line of the answer to the current call, and parses it into call->reply. After
 * OK, call->passed is the descriptor that came along, or -1. Returns 0 or a negative errno:
 * -ECONNRESET only if the daemon has gone. After -ETIMEDOUT the request is cancelled if the daemon
 * can do that; otherwise, and after other errors, the connection is ended.
 */
int exchange_receive(struct shmimg_client *client);

/* Ends the connection, and the call with it, after an error of the channel. Returns the error. */
int exchange_lose(struct shmimg_client *client, int error);

/* Waits until no thread reads or sends. Returns 0 or -ETIMEDOUT. */
int exchange_settle(struct shmimg_client *client);

/* Whether another call waits for an answer. */
bool exchange_has_others(const struct shmimg_client *client);
