/*
 * Unlinked segments that are not free yet: programs have them mapped or open still. Each is
 * followed until the last of these has let go, by inotify(7), which tells of the end of an
 * inode and keeps nothing alive. Knows what they were, and not who has them.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>
#include <systemd/sd-event.h>

#include "daemon/base/siphash.h"

struct unlinked_segment;

struct unlinked {
	sd_event *event;
	LIST_HEAD(, unlinked_segment) segments;
	uint64_t count;
	uint64_t bytes;
	uint64_t freed; /* bytes of all that were unlinked, and are free */
	unsigned char key[SIPHASH_KEY_SIZE];
};

/* Returns 0 or a negative errno. */
int unlinked_init(struct unlinked *unlinked, sd_event *event);
void unlinked_destroy(struct unlinked *unlinked);

/*
 * Follows what fd is open for, of an owner's image of this name, if somebody else has it open
 * or mapped. Returns whether somebody has. Those that are too many to be followed are in no
 * counter.
 */
bool unlinked_follow(
	struct unlinked *unlinked, int fd, uint64_t bytes, const char *name, uid_t owner);

/* Bytes that are in use still of segments that an owner's images of a name had. */
uint64_t unlinked_bytes_of(const struct unlinked *unlinked, const char *name, uid_t owner);
