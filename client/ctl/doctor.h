/*
 * What shmimgctl doctor examines, one file for each part of the way from a client to its
 * pixels. Each examination tells what it finds, changes nothing for others, and starts no
 * daemon.
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
	char socket[PATH_MAX]; /* that is examined */
	bool system;	       /* it is that of the machine's daemon */
	char board[256];       /* name of the board, as HELLO says; "" when it is not known */
};

/* The command that shows the daemon's log. */
static inline const char *doctor_journal(const struct doctor *doctor)
{
	return doctor->system ? "journalctl -u shmimgd" : "journalctl --user -u shmimgd";
}

/* The number that STATS gives for a key; 0 when there is none. */
uint64_t doctor_number(const shmimg_record *stats, const char *key);

/*
 * The socket: is it there, may one use it, does a daemon answer? Learns the board's name.
 * Returns whether a daemon has answered.
 */
bool doctor_examine_socket(struct doctor *doctor);

/* The board: is it there, in this /dev/shm, as the daemon says? */
void doctor_examine_board(struct doctor *doctor);

/*
 * An image of the doctor's own: is it decoded, can its segment and its semaphore be reached
 * by name, are its pixels right? It is gone afterwards.
 */
void doctor_examine_image(struct doctor *doctor, shmimg_client *client);

/* The memory: size, room and pages of /dev/shm. */
void doctor_examine_memory(struct doctor *doctor, const shmimg_record *stats);

/* The walls around decoders, as the daemon says. */
void doctor_examine_sandbox(struct doctor *doctor, const shmimg_record *stats);

/* The user's account, and the daemon's descriptors. */
void doctor_examine_limits(struct doctor *doctor, const shmimg_record *stats);
