/*
 * A mapped image: a segment that agrees with the daemon's reply, and a copy of its header.
 * Never talks to the daemon.
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
	unsigned refs; /* atomic: any thread may call shmimg_unref() */
	struct mapping_cache_links links;
	const unsigned char *data; /* the mapping, from the segment's start */
	size_t size;
	uid_t maker; /* uid of the daemon: the segment's owner */
	bool cached;
	struct header header; /* a copy, which cannot change after the check */
	char *name;
	char segment[NAME_MAX + 1];
};

/* The uids that may own a segment. */
struct makers {
	uid_t peer;	/* of the listening process, according to the kernel */
	uid_t reported; /* of the daemon, according to its HELLO reply; valid if the peer is root */
};

/* Whether a segment with this owner may be from the daemon. */
bool image_is_maker(const struct makers *makers, uid_t uid);

/* The size of the whole picture, from a header. */
struct box image_full(const struct header *header);

/* The rendition that an image is. */
struct pinned image_pinned(const struct shmimg_image *image);

/* Whether there is more than one reference. */
bool image_is_shared(const struct shmimg_image *image);

/* Adds a reference, to be given back by shmimg_unref(). */
void image_ref(struct shmimg_image *image);

/*
 * Maps the segment that is open as fd, which stays the caller's.
 * Returns 0, or a negative errno with *fault in English (a static string): -EBADMSG if the
 * segment does not agree with the reply.
 */
int image_map(int fd, const char *name, const struct image_reply *reply,
	const struct makers *makers, struct shmimg_image **image, const char **fault);
