/*
 * The seccomp filter: the list of system calls that a confined decoder may make.
 */
#pragma once

/*
 * Installs the filter in all threads, for good. Any other system call, and a listed one with
 * other arguments, ends the process by SIGSYS.
 * Returns 1; 0 if the build has no filter (--without-seccomp); or a negative errno.
 */
int seccomp_filter_install(void);
