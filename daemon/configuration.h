/*
 * The options in effect: defaults, then the environment, then the command line, each going
 * before those that come earlier.
 */
#pragma once

#include "daemon/command-line.h"
#include "daemon/options.h"

enum { ORIGIN_SIZE = 256 };

struct configuration {
	struct options options;
	char origins[OPTION_COUNT][ORIGIN_SIZE]; /* where each value comes from */
};

/*
 * Puts the options together. Returns 0, or a negative errno for a mistake, which has been
 * logged.
 */
int configuration_read(struct configuration *configuration, const struct command_line *line);
