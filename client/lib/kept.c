/*
 * The images that a client keeps mapped: a hash table of names, and a list by last use.
 */
#include "client/lib/kept.h"

#include <string.h>

/*
 * Of a name, eight bytes at a time. Names are the caller's own: nobody gains by names that
 * fall into one bucket.
 */
static uint64_t kept_hash_of(const char *name)
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

static bool kept_has_size(const struct header *header, struct box box)
{
	struct box full = image_full(header);
	if (box.width == 0 && box.height == 0)
		return header->width == full.width && header->height == full.height;
	return fit_matches(header->width, header->height, full.width, full.height, box);
}

static bool kept_is_of(const struct shmimg_image *image, uint64_t hash, const char *name,
	uid_t owner, uint32_t format)
{
	return image->kept.hash == hash && image->header.owner == owner &&
	       image->header.format == format && strcmp(image->name, name) == 0;
}

static struct shmimg_image *kept_search(
	const struct kept *kept, const char *name, uid_t owner, uint32_t format, struct box box)
{
	uint64_t hash = kept_hash_of(name);
	struct shmimg_image *image = kept->buckets[hash % KEPT_BUCKETS];
	while (image && !(kept_is_of(image, hash, name, owner, format) &&
				kept_has_size(&image->header, box)))
		image = image->kept.next;
	return image;
}

static void kept_list_remove(struct kept *kept, struct shmimg_image *image)
{
	struct kept_links *links = &image->kept;
	*(links->newer ? &links->newer->kept.older : &kept->newest) = links->older;
	*(links->older ? &links->older->kept.newer : &kept->oldest) = links->newer;
}

static void kept_list_add(struct kept *kept, struct shmimg_image *image)
{
	image->kept.newer = NULL;
	image->kept.older = kept->newest;
	*(kept->newest ? &kept->newest->kept.newer : &kept->oldest) = image;
	kept->newest = image;
}

static void kept_let_go(struct kept *kept, struct shmimg_image *image)
{
	struct shmimg_image **place = &kept->buckets[image->kept.hash % KEPT_BUCKETS];
	while (*place != image)
		place = &(*place)->kept.next;
	*place = image->kept.next;
	kept_list_remove(kept, image);
	kept->count--;
	kept->bytes -= image->size;
	shmimg_unref(image);
}

static void kept_make_room(struct kept *kept)
{
	while (kept->bytes > kept->bytes_max || kept->count > KEPT_MAX)
		kept_let_go(kept, kept->oldest);
}

struct shmimg_image *kept_find(
	struct kept *kept, const char *name, uid_t owner, uint32_t format, struct box box)
{
	struct shmimg_image *image = kept_search(kept, name, owner, format, box);
	if (image && image != kept->newest) {
		kept_list_remove(kept, image);
		kept_list_add(kept, image);
	}
	return image;
}

/* The one in the place of an image, whatever its generation. */
static struct shmimg_image *kept_find_like(
	const struct kept *kept, const struct shmimg_image *image)
{
	const struct header *header = &image->header;
	uint64_t hash = kept_hash_of(image->name);
	struct shmimg_image *like = kept->buckets[hash % KEPT_BUCKETS];
	while (like && !(kept_is_of(like, hash, image->name, header->owner, header->format) &&
			       like->header.width == header->width &&
			       like->header.height == header->height))
		like = like->kept.next;
	return like;
}

struct shmimg_image *kept_find_outdated(const struct kept *kept, const struct shmimg_image *image)
{
	const struct header *header = &image->header;
	uint64_t hash = kept_hash_of(image->name);
	struct shmimg_image *old = kept->buckets[hash % KEPT_BUCKETS];
	while (old && !(kept_is_of(old, hash, image->name, header->owner, header->format) &&
			      old->header.generation != header->generation))
		old = old->kept.next;
	return old;
}

void kept_add(struct kept *kept, struct shmimg_image *image)
{
	struct shmimg_image *before = kept_find_like(kept, image);
	if (before == image || image->size > kept->bytes_max)
		return;
	if (before)
		kept_let_go(kept, before);
	image->kept.hash = kept_hash_of(image->name);
	image->kept.next = kept->buckets[image->kept.hash % KEPT_BUCKETS];
	kept->buckets[image->kept.hash % KEPT_BUCKETS] = image;
	kept_list_add(kept, image);
	kept->count++;
	kept->bytes += image->size;
	image_ref(image);
	kept_make_room(kept);
}

void kept_remove(struct kept *kept, const struct shmimg_image *image)
{
	struct shmimg_image *found = kept_find_like(kept, image);
	if (found && found->header.generation == image->header.generation)
		kept_let_go(kept, found);
}

void kept_limit(struct kept *kept, size_t bytes_max)
{
	kept->bytes_max = bytes_max;
	kept_make_room(kept);
}

void kept_clear(struct kept *kept)
{
	while (kept->oldest)
		kept_let_go(kept, kept->oldest);
}
