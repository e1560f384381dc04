/*
 * The system calls that a confined decoder may make: a list, by seccomp(2). Any other call,
 * and a listed one with other arguments, ends the process by SIGSYS.
 */
#pragma once

/*
 * Installs the filter in all threads, for good.
 * Returns 1; 0 when the build has none (--without-seccomp); or a negative errno.
 */
int seccomp_filter_install(void);
