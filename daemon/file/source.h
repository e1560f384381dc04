/*
 * Files to decode: opened by path under the rule that lends nobody the daemon's own
 * permissions, or taken from a client; and their identity. Reads no content.
 */
#pragma once

#include "client/protocol/fault.h"
#include "client/protocol/header.h"
#include "daemon/file/close-queue.h"
#include "daemon/user/credentials.h"

/*
 * Opens an absolute path for someone: as the daemon itself if they are the same user, else
 * only what everybody may read, each folder on the way included, no symbolic links, and on no
 * file system that a program or another machine serves. Regular files alone; what is opened on
 * the way and is no folder is closed by files. Returns the descriptor, or -1 with *fault and
 * *message (static).
 */
int source_open(const char *path, const struct credentials *who, struct close_queue *close_queue,
	enum fault *fault, const char **message);

/*
 * Checks a descriptor that a client sent: a regular file, open for reading.
 * Returns FAULT_NONE, or a fault with *message (static).
 */
enum fault source_check(int fd, const char **message);

/* What statx(2) says of a file, to know it again. Returns 0 or a negative errno. */
int source_identify(int fd, struct header_source *source);
