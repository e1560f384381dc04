/*
 * Closes the sockets of connections and of rejected clients, also sockets with unread input.
 */
#pragma once

#include <stdbool.h>
#include <sys/queue.h>
#include <systemd/sd-event.h>

/* A socket that is being closed. Is part of its owner's memory, until closed() is called. */
struct drain_entry {
	STAILQ_ENTRY(drain_entry) link;
	int fd;
	void (*closed)(struct drain_entry *entry); /* frees it */
};

STAILQ_HEAD(drain_list, drain_entry);

struct drain_thread;
struct drain_rejected;

struct drain {
	struct drain_list waiting;   /* for a thread */
	struct drain_thread *thread; /* NULL until a socket needs it */
	sd_event_source *answers, *retry;
	int answers_fd;
	unsigned count;		     /* sockets that are not closed yet */
	struct drain_rejected *next; /* memory for the next rejected connection, or NULL */
	unsigned rejected_count;     /* rejected connections that are not closed yet */
};

/* Returns 0 or a negative errno. */
int drain_start(struct drain *drain, sd_event *event);

/* Stops the thread, but does not wait for sockets that hang. Calls closed() of all entries. */
void drain_stop(struct drain *drain);

/*
 * Takes over a socket, ends the connection in both directions and closes the socket, at once or in
 * the thread. The peer can read what was sent, and then an end.
 */
void drain_close(struct drain *drain, struct drain_entry *entry);

/*
 * Makes sure that one more connection can be rejected: must be called before a connection is
 * accepted. Returns 0; -EBUSY while too many rejected connections are not closed; or -ENOMEM.
 */
int drain_prepare_rejected(struct drain *drain);

/* Takes over the socket of a rejected connection and closes it, once for each preparation. */
void drain_close_rejected(struct drain *drain, int fd);
