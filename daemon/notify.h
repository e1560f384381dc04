/*
 * What the service manager is told (sd_notify(3)): that the daemon is ready, reads its
 * configuration again or stops, and in words what it holds. Does nothing where no
 * NOTIFY_SOCKET is.
 */
#pragma once

#include <stdbool.h>
#include <systemd/sd-event.h>

struct engine;

/* What the status tells. */
struct notify_figures {
	uint64_t images, bytes, memory_max, clients;
};

struct notify {
	const struct engine *engine;
	sd_event_source *timer; /* always on, as it looks for changes: at UINT64_MAX when none */
	struct notify_figures told;
	uint64_t told_at; /* microseconds of CLOCK_MONOTONIC */
	bool pending;	  /* the timer is set */
};

/*
 * Tells that the daemon is ready, and from then on what has changed, at most once a second.
 * Returns 0 or a negative errno.
 */
int notify_start(struct notify *notify, sd_event *event, const struct engine *engine);

/* Tells that the daemon reads its configuration, and then that it has done so. */
void notify_reloading(void);
void notify_reloaded(void);

/* Tells that the daemon stops. */
void notify_stop(struct notify *notify);
