/*
 * The index of images by name.
 *
 * A hash table that grows by linear hashing: for each image that is added, one bucket is split into
 * two, in the order of the buckets. So there is never a moment at which all images move, and no
 * image waits for the table to grow. The entries are members of the images, and the buckets are
 * allocated in chunks, which stay where they are.
 */
#include "daemon/store/index.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/base/random.h"

int index_init(struct index *index)
{
	*index = (struct index){0};
	return random_fill(index->key, sizeof(index->key));
}

void index_destroy(struct index *index)
{
	for (uint32_t i = 0; i < INDEX_CHUNKS && index->chunks[i]; i++)
		free(index->chunks[i]);
	memset(index->chunks, 0, sizeof(index->chunks));
	index->size = 0;
}

static uint64_t index_hash_name(const struct index *index, const char *name)
{
	return siphash(index->key, name, strlen(name));
}

static struct index_bucket *index_bucket_at(const struct index *index, uint32_t i)
{
	return &index->chunks[i / INDEX_CHUNK][i % INDEX_CHUNK];
}

/* The highest power of 2 that is not above the size. */
static uint32_t index_level(const struct index *index)
{
	return UINT32_C(1) << (31 - __builtin_clz(index->size));
}

/* Buckets whose number is below size - level have been split, and use one more bit of the hash. */
static struct index_bucket *index_bucket_of(const struct index *index, uint64_t hash)
{
	uint32_t level = index_level(index);
	uint32_t i = (uint32_t)hash & (2 * level - 1);
	return index_bucket_at(index, i < index->size ? i : i & (level - 1));
}

/* Adds a bucket, and moves half of another one's entries into it. */
static void index_split(struct index *index)
{
	uint32_t added = index->size;
	uint32_t level = added > 0 ? index_level(index) : 0;
	index->size++;
	if (added == 0)
		return;
	struct index_bucket *from = index_bucket_at(index, added - level);
	struct index_bucket old = *from;
	SLIST_INIT(from);
	while (!SLIST_EMPTY(&old)) {
		struct index_entry *entry = SLIST_FIRST(&old);
		SLIST_REMOVE_HEAD(&old, link);
		SLIST_INSERT_HEAD(index_bucket_of(index, entry->hash), entry, link);
	}
}

int index_reserve(struct index *index)
{
	uint32_t chunk = index->size / INDEX_CHUNK;
	if (index->count < index->size || chunk == INDEX_CHUNKS)
		return 0;
	if (!index->chunks[chunk])
		index->chunks[chunk] = calloc(INDEX_CHUNK, sizeof(struct index_bucket));
	if (!index->chunks[chunk])
		return -ENOMEM;
	index_split(index);
	return 0;
}

void index_add(
	struct index *index, struct index_entry *entry, struct image *image, const char *name)
{
	entry->hash = index_hash_name(index, name);
	entry->name = name;
	entry->image = image;
	SLIST_INSERT_HEAD(index_bucket_of(index, entry->hash), entry, link);
	index->count++;
}

void index_remove(struct index *index, struct index_entry *entry)
{
	struct index_bucket *bucket = index_bucket_of(index, entry->hash);
	SLIST_REMOVE(bucket, entry, index_entry, link);
	index->count--;
}

struct index_search index_search(const struct index *index, const char *name)
{
	struct index_search search = {.name = name};
	if (index->size > 0) {
		search.hash = index_hash_name(index, name);
		search.entry = SLIST_FIRST(index_bucket_of(index, search.hash));
	}
	return search;
}

struct image *index_next(struct index_search *search)
{
	while (search->entry) {
		const struct index_entry *entry = search->entry;
		search->entry = SLIST_NEXT(entry, link);
		if (entry->hash == search->hash && strcmp(entry->name, search->name) == 0)
			return entry->image;
	}
	return NULL;
}
