/*
 * Closes connections away from the daemon's thread when descriptors are among what nobody has
 * read: whoever reads or closes that is the last to close them, and the end of a socket may
 * wait for hours for a peer that never reads (SO_LINGER of socket(7)). A thread does, that a
 * timer's signal wakes from such waits. Reads nothing that could have a meaning.
 */
#pragma once

#include <stdbool.h>
#include <sys/queue.h>
#include <systemd/sd-event.h>

/* A connection that is closed; part of what its memory is. */
struct drain_entry {
	STAILQ_ENTRY(drain_entry) link;
	int fd;
	/* Told when it is closed; takes the memory back. Not called before drain_close(). */
	void (*closed)(struct drain_entry *drain_entry);
};

struct drain_thread;

struct drain {
	sd_event *event;
	int answers_fd;
	sd_event_source *answers;
	sd_event_source *retry;
	struct drain_thread *thread;		      /* NULL: not started */
	STAILQ_HEAD(drain_list, drain_entry) waiting; /* for a thread that could not be started */
	unsigned count;				      /* that are not closed yet */
};

/* Returns 0 or a negative errno. */
int drain_start(struct drain *drain, sd_event *event);

/*
 * Leaves what is not closed yet to the end of the process, which waits for nobody, and calls
 * closed() for it.
 */
void drain_stop(struct drain *drain);

/*
 * Ends a connection in both directions, so that the peer reads what was sent, and an end, and
 * closes the socket, at once or later.
 */
void drain_close(struct drain *drain, struct drain_entry *drain_entry);
