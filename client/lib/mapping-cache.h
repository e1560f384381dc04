/*
 * The images that a client keeps mapped, to hand them out again: one of each name, owner,
 * format and size, all of one generation, with a reference of its own. Bounded in number and bytes;
 * what was used least recently goes first. Never talks to the daemon.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "client/lib/image.h"

enum { MAPPING_CACHE_BUCKETS = 256, MAPPING_CACHE_IMAGES_MAX = 1024 };

/* Bytes of mappings that a client keeps unless it is told otherwise. */
#define MAPPING_CACHE_BYTES_DEFAULT ((size_t)256 << 20)

/* Zeroed but for bytes_max: there is none. */
struct mapping_cache {
	struct shmimg_image *buckets[MAPPING_CACHE_BUCKETS];
	struct shmimg_image *newest; /* used most recently */
	struct shmimg_image *oldest;
	size_t count;
	size_t bytes;
	size_t bytes_max; /* 0: keeps nothing */
};

/*
 * What is kept of a name as it fits into a box, or NULL; it counts as used. The reference stays
 * kept's.
 */
struct shmimg_image *mapping_cache_find(struct mapping_cache *cache, const char *name, uid_t owner,
	uint32_t format, struct box box);

/* What is kept of an image's name, owner and format from another generation, or NULL. */
struct shmimg_image *mapping_cache_find_outdated(
	const struct mapping_cache *cache, const struct shmimg_image *image);

/* Keeps an image, unless it is too large, in place of what was kept of its name and size. */
void mapping_cache_add(struct mapping_cache *cache, struct shmimg_image *image);

/* Lets go of what is kept of an image's name and size, if that is the same generation. */
void mapping_cache_remove(struct mapping_cache *cache, const struct shmimg_image *image);

/* Changes the bound, and lets go of what is over it. */
void mapping_cache_set_limit(struct mapping_cache *cache, size_t bytes_max);

/* Lets go of all. */
void mapping_cache_clear(struct mapping_cache *cache);
