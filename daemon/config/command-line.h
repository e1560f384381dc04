/*
 * The command line of shmimgd(8): which options it gives values to, and what it asks for
 * besides. Checks each value, and answers --help and --version; sets no option.
 */
#pragma once

#include <stdbool.h>

#include "daemon/config/options.h"

struct command_line {
	const char *values[OPTION_COUNT]; /* strings of argv; NULL: not given */
	const char *config;		  /* the configuration file; NULL: not given */
	bool print_config;		  /* show the options in effect, and end */
	bool cleanup;			  /* remove what a dead daemon has left, and end */
};

/*
 * Reads the command line. Returns 0 to go on, 1 when --help or --version has been answered,
 * or -EINVAL when something was wrong, which has been said on standard error.
 */
int command_line_read(struct command_line *line, int argc, char **argv);
