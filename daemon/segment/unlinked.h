/*
 * Unlinked segments that other programs still have open or mapped: counts them and their bytes
 * until the kernel frees them.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>
#include <systemd/sd-event.h>

#include "daemon/base/siphash.h"

enum { UNLINKED_BUCKETS = 1024 };

struct unlinked_segment;

/* Images that have unlinked segments, by the hash of their name and owner. */
LIST_HEAD(unlinked_bucket, unlinked_image);

struct unlinked {
	sd_event *event;
	LIST_HEAD(, unlinked_segment) segments;
	struct unlinked_bucket *images; /* UNLINKED_BUCKETS, or NULL before the first segment */
	uint64_t count;
	uint64_t bytes;
	uint64_t freed; /* bytes of segments that were unlinked and are free now */
	unsigned char key[SIPHASH_KEY_SIZE];
};

/* Returns 0 or a negative errno. */
int unlinked_init(struct unlinked *unlinked, sd_event *event);

void unlinked_destroy(struct unlinked *unlinked);

/*
 * Tracks the segment of fd, which belonged to an owner's image, if another program has it open or
 * mapped. Returns whether one has. If there are too many segments, this one is in no counter.
 */
bool unlinked_track(
	struct unlinked *unlinked, int fd, uint64_t bytes, const char *name, uid_t owner);

/* Bytes of the tracked segments that belonged to an owner's images of a name. */
uint64_t unlinked_bytes_of(const struct unlinked *unlinked, const char *name, uid_t owner);
