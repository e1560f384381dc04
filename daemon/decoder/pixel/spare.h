/*
 * The spare: a segment that the daemon gives while there is nothing to do, mapped, and filled
 * with pages a piece at a time. An image that is decoded into it takes no fault, and no page
 * has to be zeroed first. There is one at most; its descriptor is closed when the next packet
 * is due, for those of a job to have the numbers that the sandbox knows.
 */
#pragma once

#include <stdint.h>

#include "daemon/job/job.h"

/* Takes a segment of JOB_SPARE, and its descriptor, over in place of the one before. */
void spare_accept(const struct job_spare *job, int fd);

/*
 * Makes it ready until it is, or until a packet has come. Returns 0, or a negative errno when
 * that cannot be: it was let go then. -ENOSPC: there is no room for it.
 */
int spare_prepare(int channel);

/*
 * The mapping of a job's segment, which is the spare; or NULL when that is not ready, and has
 * been let go. Valid until spare_settle().
 */
uint8_t *spare_use(uint64_t size);

/* Lets go of what spare_use() has given, once the job is answered: it takes its time. */
void spare_settle(void);

/* Lets go of it in any case. */
void spare_drop(void);
