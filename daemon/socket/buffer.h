/*
 * Buffers of one size, for what a connection receives and sends: those that rest are few and
 * warm in the cache, and a connection that says nothing has none. Of the one thread.
 */
#pragma once

#include "client/protocol/wire.h"

enum { BUFFER_SIZE = 4 * WIRE_LINE_MAX };

/* Makes those that a turn of a connection needs. Returns 0 or -ENOMEM. */
int buffer_prepare(void);

/* One with whatever is in it, or NULL without memory. */
void *buffer_take(void);

/* Gives one back. */
void buffer_give(void *buffer);

/* Frees those that rest. */
void buffer_trim(void);
