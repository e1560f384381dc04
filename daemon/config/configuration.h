/*
 * The options in effect: defaults, then the configuration file, the files that amend it, the
 * environment, and the command line, each going before those that come earlier.
 */
#pragma once

#include <stdio.h>

#include "daemon/config/command-line.h"
#include "daemon/config/options.h"

enum { ORIGIN_SIZE = 256 };

struct configuration {
	struct options options;
	char origins[OPTION_COUNT][ORIGIN_SIZE]; /* where each value comes from */
};

/*
 * Puts the options together. Returns 0, or a negative errno when there was any mistake; all
 * have been logged then.
 */
int configuration_read(struct configuration *configuration, const struct command_line *line);

/* Writes them as a configuration file. Returns 0 or a negative errno. */
int configuration_print(const struct configuration *configuration, FILE *file);
