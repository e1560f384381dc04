/*
 * The spare: a segment that the daemon gives in advance, mapped and filled with pages while
 * there is no job. There is one at most.
 */
#pragma once

#include <stdint.h>

#include "daemon/job/job.h"

/* Takes over the segment of a JOB_SPARE and its descriptor. Drops the previous spare. */
void spare_accept(const struct job_spare *job, int fd);

/*
 * Fills the spare with pages until it is full or a packet arrives. Closes its descriptor.
 * Returns 0, or a negative errno after which there is no spare: -ENOSPC if shared memory is full.
 */
int spare_prepare(int channel);

/*
 * The mapping of the spare for a job whose segment it is. Valid until spare_release(). NULL if
 * not enough of it is filled; it is dropped then.
 */
uint8_t *spare_use(uint64_t size);

/* Unmaps a spare that spare_use() returned. */
void spare_release(void);

/* Unmaps the spare, whether used or not. */
void spare_drop(void);
