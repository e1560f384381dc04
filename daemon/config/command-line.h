/*
 * The command line of shmimgd(8): the values of options, and the actions --cleanup, --print-config,
 * --help and --version.
 */
#pragma once

#include <stdbool.h>

#include "daemon/config/options.h"

struct command_line {
	const char *values[OPTION_COUNT]; /* strings of argv; NULL: not given */
	const char *config;		  /* the configuration file; NULL: not given */
	bool print_config;		  /* print the options in effect, and exit */
	bool cleanup;			  /* remove what a killed daemon has left, and exit */
};

/*
 * Reads the command line and checks each value. Returns 0 to go on; 1 after printing --help or
 * --version; or -EINVAL after reporting a mistake on standard error.
 */
int command_line_read(struct command_line *line, int argc, char **argv);
