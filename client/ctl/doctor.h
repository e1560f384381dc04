/*
 * The checks of shmimgctl doctor. Each adds findings to the diagnosis, and changes nothing for
 * other programs.
 */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "client/ctl/diagnosis.h"
#include "client/ctl/options.h"
#include "client/include/shmimg.h"

struct doctor {
	const struct options *options;
	struct diagnosis diagnosis;
	char socket[PATH_MAX]; /* the socket to check */
	bool system;	       /* it is the system's daemon's */
	char board[256];       /* the board's name, from HELLO; "" when it is not known */
};

/* The command that shows the daemon's log. */
static inline const char *doctor_journal(const struct doctor *doctor)
{
	return doctor->system ? "journalctl -u shmimgd" : "journalctl --user -u shmimgd";
}

/* The number of a key of STATS; 0 when the key is missing. */
uint64_t doctor_number(const shmimg_record *stats, const char *key);

/*
 * Checks that the socket exists, that this user can connect, and that a daemon answers. Sets the
 * board's name. Returns whether a daemon answered.
 */
bool doctor_examine_socket(struct doctor *doctor);

/* Checks that the board is in this /dev/shm. */
void doctor_examine_board(struct doctor *doctor);

/*
 * Loads a test picture, and checks its pixels and that its segment and semaphore can be reached by
 * name. The picture is removed afterwards.
 */
void doctor_examine_image(struct doctor *doctor, shmimg_client *client);

/* Checks the size, the free memory and the pages of /dev/shm. */
void doctor_examine_memory(struct doctor *doctor, const shmimg_record *stats);

/* Checks the sandbox of decoders, as the daemon reports it. */
void doctor_examine_sandbox(struct doctor *doctor, const shmimg_record *stats);

/* Checks the user's limits, and the daemon's descriptors. */
void doctor_examine_limits(struct doctor *doctor, const shmimg_record *stats);
