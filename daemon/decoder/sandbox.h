/*
 * What a decoder gives up before it reads its first byte: descriptors, privileges, resources,
 * the file system, and by a filter nearly every system call. Nothing gives any of it back.
 */
#pragma once

/*
 * Confines the process, which has one thread and the channel as descriptor JOB_CHANNEL.
 * What must look at the machine (codec_prepare()) has to be done before.
 * Returns what is in force, bits of enum job_sandbox; or a negative errno, with *failed
 * saying what could not be done: the process must not serve then.
 */
int sandbox_enter(const char **failed);
