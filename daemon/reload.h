/*
 * SIGHUP: reads the configuration again and applies the options that can change while the daemon
 * runs.
 */
#pragma once

#include <systemd/sd-event.h>

#include "daemon/config/configuration.h"

struct engine;

struct reload {
	const struct command_line *line;
	struct configuration *configuration; /* in force */
	struct engine *engine;		     /* uses these options */
	sd_event_source *signal;
};

/*
 * Waits for the signal, which must be blocked. All arguments stay the caller's.
 * Returns 0 or a negative errno.
 */
int reload_start(struct reload *reload, sd_event *event, const struct command_line *line,
	struct configuration *configuration, struct engine *engine);
void reload_stop(struct reload *reload);
