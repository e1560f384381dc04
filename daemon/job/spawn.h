/*
 * Starts a decoder process with a channel to it: packets of job.h over a socketpair. Waits for
 * nothing but exec(2).
 */
#pragma once

#include <stddef.h>
#include <sys/types.h>

/*
 * Starts processes from a thread apart from now on: they inherit none of the daemon's
 * descriptors, also not until exec(2), which would close them, and wait where a file's server
 * does not answer. Once, before any client is served. Where that cannot be, processes are
 * started as they are without it. They live no longer than the thread, which never ends.
 * Returns 0 or a negative errno.
 */
int process_prepare(void);

/*
 * Starts the program with the far end of a channel as descriptor JOB_CHANNEL, no other
 * descriptors but /dev/null and standard error, no blocked signals, and in a session of its
 * own.
 * Returns 0 and the near end (not blocking) and its pid, or a negative errno.
 */
int process_start(const char *program, int *channel, pid_t *pid);

/* Kills a process and waits until it has gone, but not for ever: it may hang in the kernel. */
void process_end(pid_t pid);

/* Sends a packet, with a descriptor unless fd is -1. Returns 0 or a negative errno. */
int process_send(int channel, const void *packet, size_t size, int fd);

/*
 * Receives a packet into a buffer. Returns its size, 0 when the process has closed its end,
 * -EAGAIN when there is none yet, or another negative errno.
 */
ssize_t process_receive(int channel, void *packet, size_t size);
