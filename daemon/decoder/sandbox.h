/*
 * What a decoder gives up before it reads its first byte: descriptors, privileges, resources,
 * the file system, and by a filter nearly every system call. Nothing gives any of it back.
 */
#pragma once

/*
 * Confines the process, which has one thread and the channel as descriptor JOB_CHANNEL, in two
 * steps: all that each thread has of its own is given up in the first one, and a thread that
 * is made between the two has none of it; the second one is for all threads. What must look at
 * the machine (codec_prepare()) has to be done before.
 * Both return what is in force by them, bits of enum job_sandbox; or a negative errno, with
 * *failed saying what could not be done: the process must not serve then.
 */
int sandbox_enter(const char **failed);
int sandbox_seal(const char **failed);
