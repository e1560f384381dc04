/*
 * The baseline of FETCH: a bare epoll server that answers every line with the same bytes, in
 * a process of its own. What it lacks is all that a daemon is for.
 */
#pragma once

#include <stddef.h>
#include <sys/types.h>

/* Starts it on a new socket at path. Returns its process; ends the program on failure. */
pid_t echo_start(const char *path, const char *answer, size_t length);

/* Ends it and removes its socket. */
void echo_stop(pid_t pid, const char *path);
