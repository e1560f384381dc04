/*
 * Decoders without processes: the daemon starts, uses, kills and reaps them as real ones, and the
 * test says what they send. They decode nothing. Link with puppet_wraps of local.mk.
 */
#pragma once

#include <systemd/sd-event.h>

#include "daemon/decode/pool.h"
#include "daemon/job/job.h"

enum { PUPPETS_MAX = 16 };

/* The decoder number index, modulo the number of living ones. NULL if there is none. */
struct puppet *puppet_find(unsigned index);

/* Sends a packet of any bytes. */
void puppet_send(struct puppet *puppet, const void *packet, size_t size);

/* Sends the packet of a decoder that is confined, is done, or has failed. */
void puppet_send_ready(struct puppet *puppet);
void puppet_send_done(struct puppet *puppet);
void puppet_send_error(struct puppet *puppet, uint32_t fault);

/* Sends the header of a picture of size x size pixels; orientations are 1 to 8. */
void puppet_send_header(struct puppet *puppet, uint32_t size, uint32_t orientation);

/* Reserves the last segment that it received, if there is one. */
void puppet_fill(struct puppet *puppet);

/* Ends by itself. */
void puppet_exit(struct puppet *puppet);

/* Makes its deadline come now, if it has one. */
void puppet_expire(const struct puppet *puppet, const struct pool *pool);

/* Does what is wanted of it, as it should be done. Returns whether there was something. */
bool puppet_serve(struct puppet *puppet);
