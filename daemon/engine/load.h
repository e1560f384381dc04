/*
 * A load, from the queue for a decoder to the published rendition: one decode for all requests
 * of the same file under the same name, in the same format and box.
 */
#pragma once

#include "daemon/engine/loader.h"

/* What a decoder reports about a load's job. */
extern const struct job_events load_events;

/* Gives back the segment that was not published, and its bytes. */
void load_discard(struct load *load);

/* Frees a load that is in no decoder and no queue, and that nobody waits for. */
void load_free(struct load *load);
