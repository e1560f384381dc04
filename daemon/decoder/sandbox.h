/*
 * Confines the decoder before it reads its first byte: gives up descriptors, privileges,
 * resources, the file system, and nearly all system calls, for good.
 */
#pragma once

/*
 * Confine the process, in two steps. Before the first one it has one thread, the channel as
 * descriptor JOB_CHANNEL, and has called codec_prepare(), which needs files of the system.
 *
 * sandbox_enter() gives up everything that belongs to a thread. A thread that is started after it
 * inherits this, and installs its own filter (seccomp.h). sandbox_seal() limits the process,
 * filters the calling thread, and forbids to start more threads.
 *
 * Both return the measures in force, bits of enum job_sandbox; or a negative errno, and set
 * *failed to what could not be done. The process must not serve then.
 */
int sandbox_enter(const char **failed);
int sandbox_seal(const char **failed);
