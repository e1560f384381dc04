/*
 * Which shmimgd to start: the one that belongs to this very shmimgctl. Starts nothing.
 */
#pragma once

#include <stddef.h>

/*
 * $SHMIMG_DAEMON; else, seen from this program, the one of the same build tree, or the one
 * in the same folder; else the installed one; else just "shmimgd", for $PATH.
 */
void daemon_find(char *path, size_t size);
