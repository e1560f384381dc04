/*
 * What shmimgctl's exit codes are, as shmimgctl(1) promises them.
 */
#pragma once

enum {
	EXIT_DONE = 0,
	EXIT_REFUSED = 1,     /* the daemon, a file or the system said no; a message says what */
	EXIT_USAGE = 2,	      /* the command line makes no sense */
	EXIT_NO_DAEMON = 3,   /* none runs, and none could be started */
	EXIT_OWN_FAULT = 125, /* lock: the command could not even be tried, as env(1) */
	EXIT_NOT_RUN = 126,   /* lock: the command is there but cannot be run */
	EXIT_NOT_THERE = 127, /* lock: there is no such command */
	EXIT_SIGNAL = 128,    /* lock: plus the number of the signal that ended the command */
};
