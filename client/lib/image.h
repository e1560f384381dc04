/*
 * A mapped image: a segment that was checked against all that the daemon promised, and
 * what its header says. Never talks to the daemon.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "client/lib/image-reply.h"
#include "client/lib/public.h"
#include "client/protocol/header.h"

/* Links of an image in the mapping cache. */
struct mapping_cache_links {
	uint64_t hash;		    /* of the name */
	struct shmimg_image *next;  /* of the same bucket */
	struct shmimg_image *newer; /* by last use */
	struct shmimg_image *older;
};

struct shmimg_image {
	unsigned refs; /* atomic: callers may let go in other threads */
	struct mapping_cache_links links;
	const unsigned char *data; /* the mapping, from the segment's start on */
	size_t size;
	uid_t maker; /* uid of the daemon, as the segment's owner has it */
	bool cached;
	struct header header; /* a copy that nobody can change after the check */
	char *name;
	char segment[NAME_MAX + 1];
};

/* Who may have made a segment. */
struct makers {
	uid_t peer;	/* as the kernel says who listens on the socket */
	uid_t reported; /* as the daemon says; counts when the peer is root, as systemd is */
};

/* Whether a segment with this owner is one that they made. */
bool image_is_maker(const struct makers *makers, uid_t uid);

/* The size of the whole picture that a header's pixels are of. */
struct box image_full(const struct header *header);

/* The rendition that it is of. */
struct pinned image_pinned(const struct shmimg_image *image);

/* Whether there is more than one reference. */
bool image_is_shared(const struct shmimg_image *image);

/* Another reference, for shmimg_unref(). */
void image_ref(struct shmimg_image *image);

/*
 * Maps the segment that fd has open, which stays the caller's.
 * Returns 0, or a negative errno with *fault in English (a static string): -EBADMSG when
 * the segment is not what was promised.
 */
int image_map(int fd, const char *name, const struct image_reply *reply,
	const struct makers *makers, struct shmimg_image **image, const char **fault);
