/*
 * The channel between a daemon and a decoder: sends and receives whole packets of job.h
 * with at most one descriptor, and lets nothing through that has not the size and the
 * descriptor of its kind. Knows no order of packets and keeps no state.
 */
#pragma once

#include "daemon/job/job.h"

/*
 * Sends a packet; fd goes along if its kind carries one, and stays the caller's.
 * Returns 0 or a negative errno; -EPIPE or -ECONNRESET: nobody is there any more.
 */
int channel_send(int channel, const union job_packet *packet, int fd);

/*
 * Waits for a packet. *fd becomes the caller's, close-on-exec; -1 if its kind has none.
 * Returns 1; 0 when the other side has ended; or a negative errno, -EPROTO for a packet
 * that is none of job.h (all descriptors that came with it are closed).
 */
int channel_receive(int channel, union job_packet *packet, int *fd);
