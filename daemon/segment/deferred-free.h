/*
 * Frees large segments away from the daemon's thread: sends their last descriptor to a
 * process of its own, which closes it when the daemon has. Knows nothing of what was in them.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "daemon/segment/handover.h"
#include "daemon/segment/unlinked.h"

enum { DEFERRED_FREE_MAX = 256 };

struct deferred_free {
	sd_event *event;
	const char *program; /* the decoder, which has this as its second job */
	sd_event_source *child;
	sd_event_source *answers;
	bool stopped;
	struct handover handover;	   /* its channel is -1 when it is not running */
	bool ready;			   /* it has said that it is confined */
	unsigned pending;		   /* segments that are on their way to be freed */
	unsigned first;			   /* of their sizes */
	uint64_t sizes[DEFERRED_FREE_MAX]; /* a ring, in bytes; 0: not counted */
	uint64_t bytes;			   /* their sum */
	struct unlinked unlinked;	   /* what somebody else has to let go of, too */
	void (*freed)(void *context);	   /* told when none is pending any more */
	void *context;
	pid_t pid;
};

/* Returns 0 or a negative errno. */
int deferred_free_init(struct deferred_free *deferred_free, sd_event *event, const char *program);

/* Ends the process; what is closed from now on is closed here. */
void deferred_free_stop(struct deferred_free *deferred_free);

/* Ends the rest. */
void deferred_free_destroy(struct deferred_free *deferred_free);

/*
 * Takes fd over. When no process can be had, the descriptor is closed here: late is worse
 * than never only for memory.
 */
void deferred_free_close(struct deferred_free *deferred_free, int fd);

/*
 * As deferred_free_close(), for a segment of an owner's image that has been unlinked: its bytes
 * are counted as freed when they are, be it that somebody else lets go of it last.
 */
void deferred_free_free(struct deferred_free *deferred_free, int fd, const char *name, uid_t owner);
