/*
 * The options in effect, and where each value comes from.
 */
#pragma once

#include <stdio.h>

#include "daemon/config/command-line.h"
#include "daemon/config/options.h"

enum { ORIGIN_SIZE = 256 };

struct configuration {
	struct options options;
	char origins[OPTION_COUNT][ORIGIN_SIZE]; /* of each value, for people */
};

/* Reads all sources of options. Returns 0, or a negative errno after logging every mistake. */
int configuration_read(struct configuration *configuration, const struct command_line *line);

/* Writes them as a configuration file. Returns 0 or a negative errno. */
int configuration_print(const struct configuration *configuration, FILE *file);
