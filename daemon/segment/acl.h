/*
 * Permissions of segments: lets the users that may see an image read its segment.
 */
#pragma once

#include <sys/types.h>

#include "daemon/user/credentials.h"

/*
 * Sets the mode, and where needed the access control list, of a file of the daemon. The file can be
 * read by the owner and those who share it, and written by nobody. Returns 0 or a negative errno.
 */
int segment_acl_grant(int fd, uid_t owner, enum share share, gid_t group);
