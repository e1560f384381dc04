/*
 * Images with keep=attached of a killed daemon: their users have ten seconds to pin them again.
 * After that, those without a pin are dropped, as when their last user had released them.
 */
#pragma once

#include <systemd/sd-event.h>

#include "client/protocol/name.h"

struct store;

/* Initialized with zeros, it waits for nothing. */
struct attached {
	struct store *store;
	sd_event_source *timer;
	uid_t owner;			/* of the image that was looked at last */
	char name[NAME_LENGTH_MAX + 1]; /* of that image; "" before the first one */
};

/* Begins to wait. Returns 0 or a negative errno. */
int attached_start(struct attached *attached, sd_event *event, struct store *store);
void attached_stop(struct attached *attached);
