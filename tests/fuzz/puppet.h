/*
 * Decoders without processes: the daemon starts, hears, kills and buries them as it does real
 * ones, and the test says what they do. Link with puppet_wraps of local.mk. Decodes nothing.
 */
#pragma once

#include <systemd/sd-event.h>

#include "daemon/decode/pool.h"
#include "daemon/job/job.h"

enum { PUPPETS_MAX = 16 };

/* Number index of those that the daemon takes for alive, counted round; NULL: there is none. */
struct puppet *puppet_find(unsigned index);

/* Says a packet of any bytes. */
void puppet_say(struct puppet *puppet, const void *packet, size_t size);

/* Says the packet that a decoder says who is confined, is done, or has failed. */
void puppet_say_ready(struct puppet *puppet);
void puppet_say_done(struct puppet *puppet);
void puppet_say_error(struct puppet *puppet, uint32_t fault);

/* Says that the last file is a picture of size x size pixels; orientations are 1 to 8. */
void puppet_say_header(struct puppet *puppet, uint32_t size, uint32_t orientation);

/* Reserves the segment that it was given last, if it has one. */
void puppet_fill(struct puppet *puppet);

/* Ends by itself. */
void puppet_exit(struct puppet *puppet);

/* Makes its deadline come now, if it has one. */
void puppet_expire(const struct puppet *puppet, const struct pool *pool);

/* Does what is wanted of it, as it should be done. Returns whether there was something. */
bool puppet_serve(struct puppet *puppet);
