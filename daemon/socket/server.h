/*
 * The listening socket and all connections, in fair turns for all, and the loop that the
 * daemon lives in: one epoll for the connections, drained in batches, with the event loop of
 * sd-event(3), for all that is not a client's request, as one of its descriptors. Knows
 * nothing of requests.
 */
#pragma once

#include <stdbool.h>
#include <sys/queue.h>
#include <systemd/sd-event.h>

#include "daemon/socket/connection.h"
#include "daemon/socket/drain.h"
#include "daemon/socket/scheduler.h"

struct engine;

struct server {
	sd_event *event;
	struct engine *engine; /* given to new sessions */
	int listener;
	int epoll;
	bool event_due; /* it is ready, or may have more to wait for than it has said */
	unsigned count;
	unsigned peak; /* of count, since memory was given back last */
	sd_event_source *accepting;
	sd_event_source *pause; /* ends the pause in accepting */
	bool paused;		/* since a connection was accepted last */
	TAILQ_HEAD(, connection) connections;
	struct scheduler scheduler;
	struct drain drain;
};

/*
 * Serves an engine on a listening socket, which is taken over, also by a failure.
 * Returns 0 or a negative errno.
 */
int server_start(struct server *server, sd_event *event, struct engine *engine, int listener);

/* Serves until the event loop is told to exit; returns what it is told, or a negative errno. */
int server_run(struct server *server);

/* Closes all connections and the listening socket. */
void server_stop(struct server *server);
