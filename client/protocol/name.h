/*
 * Names of images and of sockets: which names are valid, and where a daemon listens by default.
 * Reads no file.
 */
#pragma once

#include <stddef.h>

enum { NAME_LENGTH_MAX = 4095 };

#define SOCKET_SYSTEM "/run/shmimgd/socket"

/*
 * Checks an image's name: 1 to NAME_LENGTH_MAX bytes of UTF-8 (RFC 3629) without control
 * characters (U+0000 to U+001F, U+007F to U+009F).
 * Returns NULL, or a description of the fault in English (a static string).
 */
const char *name_check(const char *name);

/*
 * The path of the per-user socket, $XDG_RUNTIME_DIR/shmimgd/socket.
 * Returns 0, -ENOENT if XDG_RUNTIME_DIR is not set or is ignored (runtime_folder() says why), or
 * -ENAMETOOLONG.
 */
int name_user_socket(char *path, size_t size);
