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
struct purge {
	STAILQ_ENTRY(purge) link;
	int fd;
	/* Told when it is closed; takes the memory back. Not called before purger_close(). */
	void (*closed)(struct purge *purge);
};

struct purger_thread;

struct purger {
	sd_event *event;
	int answers_fd;
	sd_event_source *answers;
	sd_event_source *retry;
	struct purger_thread *thread;		/* NULL: not started */
	STAILQ_HEAD(purge_list, purge) waiting; /* for a thread that could not be started */
	unsigned count;				/* that are not closed yet */
};

/* Returns 0 or a negative errno. */
int purger_start(struct purger *purger, sd_event *event);

/*
 * Leaves what is not closed yet to the end of the process, which waits for nobody, and calls
 * closed() for it.
 */
void purger_stop(struct purger *purger);

/*
 * Ends a connection in both directions, so that the peer reads what was sent, and an end, and
 * closes the socket, at once or later.
 */
void purger_close(struct purger *purger, struct purge *purge);
