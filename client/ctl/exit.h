/*
 * The exit codes of shmimgctl; shmimgctl(1) documents them.
 */
#pragma once

enum {
	EXIT_DONE = 0,
	EXIT_REFUSED = 1,     /* the daemon or the system refused; a message says why */
	EXIT_USAGE = 2,	      /* the command line is wrong */
	EXIT_NO_DAEMON = 3,   /* no daemon runs, and none could be started */
	EXIT_OWN_FAULT = 125, /* lock: no process could be made for the command; as env(1) */
	EXIT_NOT_RUN = 126,   /* lock: the command cannot be run */
	EXIT_NOT_THERE = 127, /* lock: there is no such command */
	EXIT_SIGNAL = 128,    /* lock: plus the number of the signal that ended the command */
};
