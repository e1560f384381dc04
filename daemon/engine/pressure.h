/*
 * Memory pressure: learns from the kernel, or from whoever started the daemon, that programs
 * wait for memory, and says so. What is let go then, others know.
 *
 * What is watched follows systemd's protocol (https://systemd.io/PRESSURE): the file, FIFO or
 * socket of MEMORY_PRESSURE_WATCH where that is set; else the files of the kernel's pressure
 * stall information, of the daemon's own control group and of the whole machine.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-event.h>

enum pressure_kind {
	PRESSURE_ENVIRONMENT, /* what MEMORY_PRESSURE_WATCH names */
	PRESSURE_CGROUP,
	PRESSURE_MACHINE,
	PRESSURE_KINDS,
};

/* One that was initialized with zeros watches nothing. */
struct pressure {
	sd_event *event;
	sd_event_source *sources[PRESSURE_KINDS];
	sd_event_source *pause;	     /* after each report, so that they cannot come in floods */
	uint64_t count;		     /* of reports */
	void (*felt)(void *context); /* told of each */
	void *context;
};

/*
 * Begins to watch what there is, which may be nothing: that is no error. Returns 0 or a
 * negative errno.
 */
int pressure_start(
	struct pressure *pressure, sd_event *event, void (*felt)(void *context), void *context);
void pressure_stop(struct pressure *pressure);

/* Words for what is watched, with commas between them: environment, cgroup, machine; or none. */
void pressure_describe(const struct pressure *pressure, char *text, size_t size);
