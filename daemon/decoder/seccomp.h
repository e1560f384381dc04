/*
 * The seccomp filters: the lists of system calls that the threads of a confined decoder may make.
 */
#pragma once

/*
 * Install the filter of the calling thread, for good: of the one that serves the channel, or of the
 * one that only writes to the segment. Any other system call, and a listed one with
 * other arguments, ends the process by SIGSYS.
 * Returns 1; 0 if the build has no filter (--without-seccomp); or a negative errno.
 */
int seccomp_filter_install(void);
int seccomp_filter_install_writer(void);
