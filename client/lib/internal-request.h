/*
 * Requests that the library makes by itself, beside the caller's: HELLO, and the FETCH and
 * RELEASE of pins. Never makes a connection and never repeats a request.
 */
#pragma once

#include "client/lib/client.h"
#include "client/protocol/wire.h"

/* Begins a request. The caller's request stays as it is. */
void internal_request_begin(
	struct shmimg_client *client, struct wire_writer *writer, const char *verb);

/* Sends it and waits for a reply of one line, OK. Returns 0 or a negative errno. */
int internal_request_run(struct shmimg_client *client, struct wire_writer *writer);
