/*
 * Frees large segments away from the daemon's thread: sends their last descriptor to a
 * process of its own, which closes it. Knows nothing of what was in them.
 */
#pragma once

#include <stdbool.h>
#include <systemd/sd-event.h>

struct releaser {
	sd_event *event;
	const char *program; /* the decoder, which has this as its second job */
	sd_event_source *child;
	sd_event_source *answers;
	bool stopped;
	int channel;		      /* -1: not running */
	bool ready;		      /* it has said that it is confined */
	unsigned pending;	      /* segments that are on their way to be freed */
	void (*freed)(void *context); /* told when none is pending any more */
	void *context;
	pid_t pid;
};

void releaser_init(struct releaser *releaser, sd_event *event, const char *program);

/* Ends the process; what is closed from now on is closed here. */
void releaser_stop(struct releaser *releaser);

/*
 * Takes fd over. When no process can be had, the descriptor is closed here: late is worse
 * than never only for memory.
 */
void releaser_close(struct releaser *releaser, int fd);
