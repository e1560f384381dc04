/*
 * shmimgctl(1): the shell's way to images in shared memory.
 * This file begins and ends the program; each command has a file of its own.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "client/ctl/commands.h"
#include "client/ctl/exit.h"
#include "client/ctl/options.h"
#include "client/ctl/report.h"

/* What was printed must have arrived: a full disk is no success. */
static int main_finish(int code)
{
	if ((fflush(stdout) == 0 && !ferror(stdout)) || code != EXIT_DONE)
		return code;
	report("standard output: %s", strerror(errno));
	return EXIT_REFUSED;
}

int main(int count, char **arguments)
{
	struct options options;
	int result = options_parse(&options, count, arguments);
	if (result < 0)
		return EXIT_USAGE;
	if (result == OPTIONS_ANSWERED)
		return main_finish(EXIT_DONE);
	return main_finish(verb_table[options.verb].run(&options));
}
