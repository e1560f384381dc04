/*
 * Memory pressure: reports that programs wait for memory, as the kernel or the service manager
 * says.
 *
 * The watched files follow systemd's protocol (https://systemd.io/PRESSURE): the file, FIFO or
 * socket of MEMORY_PRESSURE_WATCH if that is set; otherwise the files of the kernel's pressure
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

/* Initialized with zeros, it watches nothing. */
struct pressure {
	sd_event *event;
	sd_event_source *sources[PRESSURE_KINDS];
	sd_event_source *pause;	     /* after each report, to limit their rate */
	uint64_t count;		     /* of reports */
	void (*felt)(void *context); /* called for each */
	void *context;
};

/*
 * Begins to watch the files that exist. It is no error when none does. Returns 0 or a negative
 * errno.
 */
int pressure_start(
	struct pressure *pressure, sd_event *event, void (*felt)(void *context), void *context);
void pressure_stop(struct pressure *pressure);

/* The kinds of the watched files, with commas between: environment, cgroup, machine; or none. */
void pressure_describe(const struct pressure *pressure, char *text, size_t size);
