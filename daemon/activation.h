/*
 * The listening socket that systemd(1) passes, and its path.
 */
#pragma once

#include <stddef.h>

/* activation_take(): no socket was passed. */
enum { ACTIVATION_NONE = -4096 };

/*
 * Takes the only socket that was passed, or of several the one with the name ACTIVATION_NAME
 * (FileDescriptorName= of systemd.socket(5)), and closes all others. Writes the socket's path to
 * path. Returns the socket, non-blocking; ACTIVATION_NONE; or a negative errno: -EINVAL when it is
 * not a listening stream socket with a path of less than size bytes.
 */
#define ACTIVATION_NAME "shmimgd"
int activation_take(char *path, size_t size);
