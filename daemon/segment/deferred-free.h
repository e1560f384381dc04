/*
 * Deferred free: has a process of its own close the last descriptor of a large segment, so that
 * the daemon's thread need not free the pages.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "daemon/base/tiny.h"
#include "daemon/segment/unlinked.h"

enum { DEFERRED_FREE_MAX = TINY(256, 3) };

struct deferred_free {
	sd_event *event;
	const char *program; /* the decoder */
	sd_event_source *child;
	sd_event_source *answers;
	bool stopped;
	int channel;			   /* -1: the process is not running */
	bool last_is_due;		   /* JOB_LAST, for the segment that was sent last */
	bool ready;			   /* the process has reported that it is confined */
	unsigned pending;		   /* segments that were sent and are not freed yet */
	unsigned first;			   /* index of the first one in sizes */
	uint64_t sizes[DEFERRED_FREE_MAX]; /* a ring, in bytes; 0: not counted */
	uint64_t bytes;			   /* sum of sizes */
	struct unlinked unlinked;	   /* segments that other processes still use */
	void (*freed)(void *context);	   /* called when no segment is pending any more */
	void *context;
	pid_t pid;
};

/* Returns 0 or a negative errno. */
int deferred_free_init(struct deferred_free *deferred_free, sd_event *event, const char *program);

/* Ends the process; later descriptors are closed by the daemon. */
void deferred_free_stop(struct deferred_free *deferred_free);

/* Call this after deferred_free_stop(): frees the memory. */
void deferred_free_destroy(struct deferred_free *deferred_free);

/*
 * Closes fd in the process. Where no process can be started, closes it here: a slow close is
 * better than memory that is never freed.
 */
void deferred_free_close(struct deferred_free *deferred_free, int fd);

/*
 * As deferred_free_close(), for a segment of an owner's image that has been unlinked. Its bytes
 * are counted as freed when the last process has closed and unmapped it.
 */
void deferred_free_free(struct deferred_free *deferred_free, int fd, const char *name, uid_t owner);
