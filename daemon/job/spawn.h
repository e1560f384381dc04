/*
 * Starts and ends decoder processes. Each has a channel (channel.h) to the daemon. Starting one
 * waits for exec(2) alone.
 */
#pragma once

#include <sys/types.h>

/*
 * Creates the thread that starts all later processes. They do not inherit the daemon's
 * descriptors, not even until exec(2), which would have to close them. Call this once, before
 * any client is served: the thread closes its copies of all open descriptors. After a failure
 * spawn_start() works without the thread. Decoders ask to be killed when their parent thread
 * ends (PR_SET_PDEATHSIG), and this one never does.
 * Returns 0 or a negative errno.
 */
int spawn_prepare(void);

/*
 * Starts the program in a session of its own, with the far end of a channel as descriptor
 * JOB_CHANNEL, /dev/null as standard input and output, standard error, no other descriptors,
 * and no blocked signals.
 * Returns 0 and the near end (not blocking) and its pid, or a negative errno.
 */
int spawn_start(const char *program, int *channel, pid_t *pid);

/* Kills a process and waits for its end, but not for ever: it may hang in the kernel. */
void spawn_end(pid_t pid);
