/*
 * The channel between the daemon and a decoder: sends and receives whole packets of job.h, and
 * refuses those that do not fit the table of kinds. The order of packets is the caller's affair.
 */
#pragma once

#include "daemon/job/job.h"

/*
 * Sends a packet. If its kind carries a descriptor, fd goes along; fd stays the caller's.
 * Returns 0, -EAGAIN if a non-blocking channel is full, or another negative errno: -EPIPE or
 * -ECONNRESET if the other side has closed the channel.
 */
int channel_send(int channel, const union job_packet *packet, int fd);

/*
 * Receives a packet in the decoder. *fd is set to its descriptor, which is the caller's and
 * close-on-exec, or to -1 if its kind carries none.
 * Returns 1; 0 if the daemon has closed the channel; -EPROTO for a packet that the daemon may not
 * send; or another negative errno.
 */
int channel_receive_from_daemon(int channel, union job_packet *packet, int *fd);

/*
 * Receives a packet in the daemon, which takes no descriptors from a decoder.
 * Returns 1; 0 if the decoder has closed the channel; -EAGAIN if a non-blocking channel is empty;
 * -EPROTO for a packet that a decoder may not send; or another negative errno.
 */
int channel_receive_from_decoder(int channel, union job_packet *packet);
