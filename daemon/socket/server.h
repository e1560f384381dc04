/*
 * Owns the listening socket and all connections, and runs the daemon's main loop.
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
	struct engine *engine;	       /* for new sessions */
	struct turn_times *turn_times; /* the engine's counters */
	int listener;
	int epoll;
	bool event_due; /* event is ready, or may have changed what it waits for */
	unsigned count; /* of connections */
	unsigned peak;	/* of count, since memory was last returned to the kernel */
	char *heap;	/* where it ended at the start, sbrk(2) */
	sd_event_source *accepting;
	sd_event_source *pause; /* timer: ends a pause in accepting */
	size_t accepted_groups; /* of the clients that were accepted in this turn */
	bool paused;		/* accepting was paused since the last accepted connection */
	TAILQ_HEAD(, connection) connections;
	struct scheduler scheduler;
	struct drain drain;
};

/*
 * Begins to accept clients of an engine. Takes over the listening socket, also when it fails.
 * Returns 0 or a negative errno.
 */
int server_start(struct server *server, sd_event *event, struct engine *engine, int listener);

/* Serves until sd_event_exit(3); returns its exit code, or a negative errno. */
int server_run(struct server *server);

/* Closes all connections and the listening socket. */
void server_stop(struct server *server);
