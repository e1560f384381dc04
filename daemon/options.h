/*
 * What the administrator may choose: the command line, checked, with its defaults.
 * Opens and starts nothing.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "daemon/account.h"

struct options {
	char socket[108];	 /* path of the listening socket: sun_path of unix(7) */
	mode_t socket_mode;	 /* permissions of the socket */
	const char *decoder;	 /* program; NULL: found beside the daemon */
	unsigned decoders;	 /* decoder processes at most */
	unsigned decode_timeout; /* seconds a decode may take */
	uint64_t max_pixels;	 /* width x height at most */
	bool cleanup;		 /* remove what a dead daemon has left, and end */
	uint64_t memory_max;	 /* bytes of all segments at most */
	uint64_t user_limits[RESOURCE_COUNT]; /* what one user may hold */
};

/*
 * Reads the command line. Returns 0 to go on, 1 when --help or --version has been answered,
 * or -EINVAL when something was wrong, which has been said on standard error.
 */
int options_read(struct options *options, int argc, char **argv);
