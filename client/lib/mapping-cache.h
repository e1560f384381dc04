/*
 * The mapping cache: images that a client keeps mapped so that shmimg_fetch() can return them
 * again. It has one image of each name, owner, format and size, and holds a reference to each.
 * Limited in number and bytes; the least recently used image is removed first. Never talks to
 * the daemon.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "client/lib/image.h"

enum { MAPPING_CACHE_BUCKETS = 256, MAPPING_CACHE_IMAGES_MAX = 1024 };

/* Default limit, in bytes of mappings. */
#define MAPPING_CACHE_BYTES_DEFAULT ((size_t)256 << 20)

/* All zero except bytes_max: the cache is empty. */
struct mapping_cache {
	struct shmimg_image *buckets[MAPPING_CACHE_BUCKETS];
	struct shmimg_image *newest; /* used most recently */
	struct shmimg_image *oldest;
	size_t count;
	size_t bytes;
	size_t bytes_max; /* 0: keeps nothing */
};

/*
 * The image of a name in the size that fits into a box, or NULL. It becomes the most recently
 * used. The reference stays the cache's.
 */
struct shmimg_image *mapping_cache_find(struct mapping_cache *cache, const char *name, uid_t owner,
	uint32_t format, struct box box);

/* An image of the same name, owner and format but of another generation, or NULL. */
struct shmimg_image *mapping_cache_find_outdated(
	const struct mapping_cache *cache, const struct shmimg_image *image);

/* Adds an image, unless it is too large, in place of one of the same name and size. */
void mapping_cache_add(struct mapping_cache *cache, struct shmimg_image *image);

/* Removes the image of the same name, size and generation. */
void mapping_cache_remove(struct mapping_cache *cache, const struct shmimg_image *image);

/* Changes the limit, and removes images until it is met. */
void mapping_cache_set_limit(struct mapping_cache *cache, size_t bytes_max);

/* Removes all images. */
void mapping_cache_clear(struct mapping_cache *cache);
