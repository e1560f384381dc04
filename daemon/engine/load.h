/*
 * A load, from the queue for a decoder to the published rendition: one decode for all requests
 * of the same file under the same name, in the same format and box.
 */
#pragma once

#include "daemon/engine/loader.h"

/* The events of a load's job. */
extern const struct job_events load_events;

/* Frees the segment that was not published, and its charge. */
void load_discard(struct load *load);

/* Frees a load that is in no decoder and no queue, and has no waiters. */
void load_free(struct load *load);
