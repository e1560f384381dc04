/*
 * Renditions in answers: adds the keys that describe one, and passes its segment.
 */
#pragma once

#include "client/protocol/wire.h"
#include "daemon/command/reply.h"
#include "daemon/store/image.h"

/* Adds the keys from name to slot. */
void describe_rendition(struct wire_writer *line, struct rendition *rendition);

/* Adds orientation, full-width and full-height, each only when it differs from the default. */
void describe_change(struct wire_writer *line, const struct rendition *rendition);

/* Adds full-width and full-height when the rendition is smaller than the whole picture. */
void describe_whole(struct wire_writer *line, const struct rendition *rendition);

/* Sends the segment's descriptor with the reply. Returns 0 or a negative errno. */
int describe_pass_segment(struct reply *reply, const struct rendition *rendition);
