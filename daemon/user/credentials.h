/*
 * Who a client is, as the kernel says, and whom an image is shared with.
 * Asks the kernel once, when a client connects; does no access of its own.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "client/protocol/share.h"

struct credentials {
	uid_t uid;
	gid_t gid;
	pid_t pid;
	gid_t *groups; /* supplementary groups, owned by this */
	size_t group_count;
};

/* Reads the credentials of a socket's peer. Returns 0 or a negative errno. */
int credentials_read(struct credentials *credentials, int socket);
void credentials_free(struct credentials *credentials);

/* Whether someone may see what belongs to owner and is shared in this way. */
bool share_permits(const struct credentials *who, uid_t owner, enum share share, gid_t group);
