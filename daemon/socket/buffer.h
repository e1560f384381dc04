/*
 * Owns the memory for what connections receive and send: buffers of one size. For the daemon's
 * thread.
 */
#pragma once

#include "client/protocol/wire.h"
#include "daemon/base/tiny.h"

enum { BUFFER_SIZE = TINY(4, 2) * WIRE_LINE_MAX };

/* Makes the buffers that one turn of a connection needs. Returns 0 or -ENOMEM. */
int buffer_prepare(void);

/* Returns a buffer with undefined contents, or NULL without memory. */
void *buffer_get(void);

void buffer_put(void *buffer);

/* Frees all unused buffers. */
void buffer_trim(void);
