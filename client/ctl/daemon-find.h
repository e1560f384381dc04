/*
 * Finds the shmimgd that belongs to this shmimgctl.
 */
#pragma once

#include <stddef.h>

/*
 * The first of: $SHMIMG_DAEMON, shmimgd in the folder of this program, the one in the same build
 * tree, the installed one, and "shmimgd", which execlp(3) finds by $PATH.
 */
void daemon_find(char *path, size_t size);
