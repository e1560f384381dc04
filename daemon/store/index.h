/*
 * The index: finds the images of a name, of all owners, in a time that does not depend on the
 * number of images. Does not own the images.
 */
#pragma once

#include <stdint.h>
#include <sys/queue.h>

#include "client/protocol/board.h"
#include "daemon/base/siphash.h"
#include "daemon/base/tiny.h"

struct image;

enum {
	INDEX_CHUNK = TINY(1024, 4), /* buckets that are allocated at once */
	INDEX_CHUNKS = BOARD_SLOTS / INDEX_CHUNK,
};

/* A member of struct image. */
struct index_entry {
	SLIST_ENTRY(index_entry) link;
	uint64_t hash;
	const char *name;
	struct image *image;
};

SLIST_HEAD(index_bucket, index_entry);

struct index {
	struct index_bucket *chunks[INDEX_CHUNKS];
	uint32_t size; /* buckets in use; 0 before the first image */
	uint32_t count;
	unsigned char key[SIPHASH_KEY_SIZE];
};

/* Returns 0, or a negative errno when the kernel gives no random key. */
int index_init(struct index *index);
void index_destroy(struct index *index);

/* Makes room for one more image, so that index_add() cannot fail. Returns 0 or -ENOMEM. */
int index_reserve(struct index *index);

/* Adds the entry of an image after index_reserve(). The name stays as long as the entry. */
void index_add(
	struct index *index, struct index_entry *entry, struct image *image, const char *name);

/* Removes an entry that is in it. */
void index_remove(struct index *index, struct index_entry *entry);

/* A search for the images of a name, in no order. Valid until the index changes. */
struct index_search {
	const char *name;
	uint64_t hash;
	const struct index_entry *entry; /* the next one to look at */
};

struct index_search index_search(const struct index *index, const char *name);

/* The next image of the name, or NULL. */
struct image *index_next(struct index_search *search);
