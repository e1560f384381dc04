/*
 * The listening socket that systemd(1) hands over: which of the descriptors it is, and its
 * path. Never makes or removes a socket.
 */
#pragma once

#include <stddef.h>

/* activation_take(): nobody has handed anything over. */
enum { ACTIVATION_NONE = -4096 };

/*
 * Takes the only socket that was handed over, or of several the one that is named
 * ACTIVATION_NAME (FileDescriptorName= of systemd.socket(5)), and closes all others. Puts its
 * path in path. Returns it, non-blocking; ACTIVATION_NONE; or a negative errno: -EINVAL when
 * it is no listening stream socket with a path of less than size bytes.
 */
#define ACTIVATION_NAME "shmimgd"
int activation_take(char *path, size_t size);
