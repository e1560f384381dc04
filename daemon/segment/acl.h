/*
 * Permission to read a segment, for exactly those an image is for: mode bits, and an access
 * control list (acl(5), by libacl) where mode bits cannot say it. Nobody gets to write.
 */
#pragma once

#include <sys/types.h>

#include "daemon/user/credentials.h"

/* Sets mode and list of a file of the daemon's. Returns 0 or a negative errno. */
int segment_acl_grant(int fd, uid_t owner, enum share share, gid_t group);
