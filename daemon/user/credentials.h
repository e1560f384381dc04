/*
 * Credentials: the user and groups of a client, which the kernel reports when it connects, and
 * the check whether they permit access to an image.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "client/protocol/share.h"

/* With more supplementary groups, a client is only in its main group. */
enum { CREDENTIALS_GROUPS_MAX = 1024 };

struct credentials {
	uid_t uid;
	gid_t gid;
	pid_t pid;
	gid_t *groups; /* supplementary groups; owned by the struct */
	size_t group_count;
};

/*
 * Reads the credentials of a socket's peer: the user, the main group and the process, and then the
 * other groups, which costs more. Each returns 0 or a negative errno.
 */
int credentials_read_user(struct credentials *credentials, int socket);
int credentials_read_groups(struct credentials *credentials, int socket);
void credentials_free(struct credentials *credentials);

/* Whether a user can access what owner shares in this way. */
bool share_permits(const struct credentials *who, uid_t owner, enum share share, gid_t group);
