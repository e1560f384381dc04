/*
 * The mapping cache: a hash table of names with chained buckets, and a list of all images in
 * order of their last use, the newest first.
 */
#include "client/lib/mapping-cache.h"

#include <string.h>

/*
 * Hashes a name, eight bytes at a time. The caller chooses the names, so it would only slow
 * down itself with names that fall into one bucket.
 */
static uint64_t mapping_cache_hash(const char *name)
{
	size_t left = strlen(name);
	uint64_t hash = left, part;
	for (; left >= sizeof(part); left -= sizeof(part), name += sizeof(part)) {
		memcpy(&part, name, sizeof(part));
		hash = (hash ^ part) * 0x9e3779b97f4a7c15; /* 2^64 / golden ratio */
		hash ^= hash >> 32;
	}
	part = 0;
	memcpy(&part, name, left);
	hash = (hash ^ part) * 0x9e3779b97f4a7c15;
	return hash ^ hash >> 32;
}

static bool mapping_cache_fits(const struct header *header, struct box box)
{
	struct box full = image_full(header);
	if (box.width == 0 && box.height == 0)
		return header->width == full.width && header->height == full.height;
	return fit_matches(header->width, header->height, full.width, full.height, box);
}

static bool mapping_cache_matches(const struct shmimg_image *image, uint64_t hash, const char *name,
	uid_t owner, uint32_t format)
{
	return image->links.hash == hash && image->header.owner == owner &&
	       image->header.format == format && strcmp(image->name, name) == 0;
}

static struct shmimg_image *mapping_cache_search(const struct mapping_cache *cache,
	const char *name, uid_t owner, uint32_t format, struct box box)
{
	uint64_t hash = mapping_cache_hash(name);
	struct shmimg_image *image = cache->buckets[hash % MAPPING_CACHE_BUCKETS];
	while (image && !(mapping_cache_matches(image, hash, name, owner, format) &&
				mapping_cache_fits(&image->header, box)))
		image = image->links.next;
	return image;
}

static void mapping_cache_list_remove(struct mapping_cache *cache, struct shmimg_image *image)
{
	struct mapping_cache_links *links = &image->links;
	*(links->newer ? &links->newer->links.older : &cache->newest) = links->older;
	*(links->older ? &links->older->links.newer : &cache->oldest) = links->newer;
}

static void mapping_cache_list_add(struct mapping_cache *cache, struct shmimg_image *image)
{
	image->links.newer = NULL;
	image->links.older = cache->newest;
	*(cache->newest ? &cache->newest->links.newer : &cache->oldest) = image;
	cache->newest = image;
}

static void mapping_cache_evict(struct mapping_cache *cache, struct shmimg_image *image)
{
	struct shmimg_image **link = &cache->buckets[image->links.hash % MAPPING_CACHE_BUCKETS];
	while (*link != image)
		link = &(*link)->links.next;
	*link = image->links.next;
	mapping_cache_list_remove(cache, image);
	cache->count--;
	cache->bytes -= image->size;
	shmimg_unref(image);
}

static void mapping_cache_evict_excess(struct mapping_cache *cache)
{
	while (cache->bytes > cache->bytes_max || cache->count > MAPPING_CACHE_IMAGES_MAX)
		mapping_cache_evict(cache, cache->oldest);
}

struct shmimg_image *mapping_cache_find(
	struct mapping_cache *cache, const char *name, uid_t owner, uint32_t format, struct box box)
{
	struct shmimg_image *image = mapping_cache_search(cache, name, owner, format, box);
	if (image && image != cache->newest) {
		mapping_cache_list_remove(cache, image);
		mapping_cache_list_add(cache, image);
	}
	return image;
}

/* The image of the same name, owner, format and size, of any generation. */
static struct shmimg_image *mapping_cache_find_same_size(
	const struct mapping_cache *cache, const struct shmimg_image *image)
{
	const struct header *header = &image->header;
	uint64_t hash = mapping_cache_hash(image->name);
	struct shmimg_image *like = cache->buckets[hash % MAPPING_CACHE_BUCKETS];
	while (like &&
		!(mapping_cache_matches(like, hash, image->name, header->owner, header->format) &&
			like->header.width == header->width &&
			like->header.height == header->height))
		like = like->links.next;
	return like;
}

struct shmimg_image *mapping_cache_find_outdated(
	const struct mapping_cache *cache, const struct shmimg_image *image)
{
	const struct header *header = &image->header;
	uint64_t hash = mapping_cache_hash(image->name);
	struct shmimg_image *old = cache->buckets[hash % MAPPING_CACHE_BUCKETS];
	while (old &&
		!(mapping_cache_matches(old, hash, image->name, header->owner, header->format) &&
			old->header.generation != header->generation))
		old = old->links.next;
	return old;
}

void mapping_cache_add(struct mapping_cache *cache, struct shmimg_image *image)
{
	struct shmimg_image *before = mapping_cache_find_same_size(cache, image);
	if (before == image || image->size > cache->bytes_max)
		return;
	if (before)
		mapping_cache_evict(cache, before);
	image->links.hash = mapping_cache_hash(image->name);
	image->links.next = cache->buckets[image->links.hash % MAPPING_CACHE_BUCKETS];
	cache->buckets[image->links.hash % MAPPING_CACHE_BUCKETS] = image;
	mapping_cache_list_add(cache, image);
	cache->count++;
	cache->bytes += image->size;
	image_ref(image);
	mapping_cache_evict_excess(cache);
}

void mapping_cache_remove(struct mapping_cache *cache, const struct shmimg_image *image)
{
	struct shmimg_image *found = mapping_cache_find_same_size(cache, image);
	if (found && found->header.generation == image->header.generation)
		mapping_cache_evict(cache, found);
}

void mapping_cache_set_limit(struct mapping_cache *cache, size_t bytes_max)
{
	cache->bytes_max = bytes_max;
	mapping_cache_evict_excess(cache);
}

void mapping_cache_clear(struct mapping_cache *cache)
{
	while (cache->oldest)
		mapping_cache_evict(cache, cache->oldest);
}
