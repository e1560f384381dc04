/*
 * Messages to the service manager, sd_notify(3): ready, reloading, stopping, and a status line with
 * the number of images, bytes and clients. Does nothing without NOTIFY_SOCKET.
 */
#pragma once

#include <stdbool.h>
#include <systemd/sd-event.h>

struct engine;

/* The figures of the status line. */
struct notify_figures {
	uint64_t images, bytes, memory_max, clients;
};

struct notify {
	const struct engine *engine;
	sd_event_source *timer; /* always on, to check for changes; at UINT64_MAX without any */
	struct notify_figures last_sent;
	uint64_t sent_at; /* of clock_now_usec() */
	bool pending;	  /* the timer is set */
};

/*
 * Reports that the daemon is ready; from then on sends changed figures, at most once a second.
 * Returns 0 or a negative errno.
 */
int notify_start(struct notify *notify, sd_event *event, const struct engine *engine);

/* Reports the begin and the end of a reload. */
void notify_reloading(void);
void notify_reloaded(void);

/* Reports that the daemon stops. */
void notify_stop(struct notify *notify);
