/*
 * Opens and checks the files to decode, and identifies them. Reads no content. Nobody can use the
 * daemon to read a file without permission of their own.
 */
#pragma once

#include <limits.h>

#include "client/protocol/fault.h"
#include "client/protocol/header.h"
#include "daemon/file/close-queue.h"
#include "daemon/user/credentials.h"

enum { SOURCE_PARTS_MAX = 128 }; /* of a path */

_Static_assert(PATH_MAX == 4096 && SOURCE_PARTS_MAX == 128, "as messages and manuals say");

/*
 * Opens a regular file for a client, by its absolute path: of at most SOURCE_PARTS_MAX parts and
 * less than PATH_MAX bytes, none of them empty, "." or "..". For the daemon's own user, opens what
 * the daemon can open. For other users, everybody must be allowed to read the file and to search
 * each folder; the path has no symbolic link; and no program or other machine serves the file
 * system. Closes descriptors with the close queue. Returns the descriptor, or -1 with *fault and
 * *message (static).
 */
int source_open(const char *path, const struct credentials *who, struct close_queue *close_queue,
	enum fault *fault, const char **message);

/*
 * Checks a descriptor that a client sent: a regular file, open for reading.
 * Returns FAULT_NONE, or a fault with *message (static).
 */
enum fault source_check(int fd, const char **message);

/* Reads the identity of a file from statx(2). Returns 0 or a negative errno. */
int source_identify(int fd, struct header_source *source);
