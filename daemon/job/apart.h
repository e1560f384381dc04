/*
 * Threads apart: with a table of descriptors of their own, in which nothing is but the standard
 * ones and a channel. What others close, or what clients have sent, is not there: a process
 * that such a thread starts inherits nothing of it, and its own end closes what it was given.
 * They hear no signals. Knows nothing of what they do.
 */
#pragma once

enum { APART_CHANNEL = 3 }; /* the channel's number in a thread's table */

/*
 * Starts a thread with a copy of channel, and waits until its table is its own. Before any
 * client is served, or from a thread apart: what is in the caller's table is closed in the
 * thread's, which may take its time.
 * Returns 0 or a negative errno.
 */
int apart_start(int channel, void (*run)(void *context), void *context);
