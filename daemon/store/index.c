/*
 * The index of images by name.
 *
 * An open hash table with linear probing. Each entry has the hash beside the pointer, so that a
 * search reads only the images that it finds, and growing the table reads none.
 */
#include "daemon/store/index.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/base/random.h"
#include "daemon/store/image.h"

enum { SIZE_MIN = 64 };

int index_init(struct index *index)
{
	*index = (struct index){0};
	return random_fill(index->key, sizeof(index->key));
}

void index_destroy(struct index *index)
{
	free(index->entries);
	index->entries = NULL;
	index->size = 0;
}

static uint64_t index_hash_name(const struct index *index, const char *name)
{
	return siphash(index->key, name, strlen(name));
}

static uint32_t index_home_of(const struct index *index, uint64_t hash)
{
	return (uint32_t)hash & (index->size - 1);
}

static uint32_t index_after(const struct index *index, uint32_t i)
{
	return (i + 1) & (index->size - 1);
}

static void index_insert(struct index *index, struct index_entry entry)
{
	uint32_t i = index_home_of(index, entry.hash);
	while (index->entries[i].image)
		i = index_after(index, i);
	index->entries[i] = entry;
}

/* Moves entries only: a millisecond for 100 000. */
int index_reserve(struct index *index)
{
	/* Half of the table stays free: probes are short, and every search meets a free entry. */
	if (index->count < index->size / 2)
		return 0;
	struct index old = *index;
	index->size = old.size ? old.size * 2 : SIZE_MIN;
	index->entries = calloc(index->size, sizeof(*index->entries));
	if (!index->entries) {
		*index = old;
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < old.size; i++) {
		if (old.entries[i].image)
			index_insert(index, old.entries[i]);
	}
	free(old.entries);
	return 0;
}

void index_add(struct index *index, struct image *image)
{
	index_insert(index, (struct index_entry){index_hash_name(index, image->name), image});
	index->count++;
}

/* Moves entries back that stand behind the gap only because their place was taken. */
static void index_close_gap(struct index *index, uint32_t gap)
{
	struct index_entry *entries = index->entries;
	for (uint32_t i = index_after(index, gap); entries[i].image; i = index_after(index, i)) {
		uint32_t home = index_home_of(index, entries[i].hash);
		uint32_t mask = index->size - 1;
		if (((i - home) & mask) < ((i - gap) & mask))
			continue;
		entries[gap] = entries[i];
		gap = i;
	}
	entries[gap].image = NULL;
}

void index_remove(struct index *index, const struct image *image)
{
	uint32_t i = index_home_of(index, index_hash_name(index, image->name));
	while (index->entries[i].image != image)
		i = index_after(index, i);
	index_close_gap(index, i);
	index->count--;
}

struct index_search index_search(const struct index *index, const char *name)
{
	struct index_search search = {.index = index, .name = name};
	if (index->size > 0) {
		search.hash = index_hash_name(index, name);
		search.entry = index_home_of(index, search.hash);
	}
	return search;
}

struct image *index_next(struct index_search *search)
{
	const struct index *index = search->index;
	while (index->size > 0 && index->entries[search->entry].image) {
		const struct index_entry *entry = &index->entries[search->entry];
		search->entry = index_after(index, search->entry);
		if (entry->hash == search->hash && strcmp(entry->image->name, search->name) == 0)
			return entry->image;
	}
	return NULL;
}
