/*
 * The index: finds the images of a name, of all owners, in a time that does not depend on the
 * number of images. Does not own the images.
 */
#pragma once

#include <stdint.h>

#include "daemon/base/siphash.h"

struct image;

struct index_entry {
	uint64_t hash;
	struct image *image; /* NULL: free */
};

struct index {
	struct index_entry *entries;
	uint32_t size; /* a power of 2, or 0 before the first image */
	uint32_t count;
	unsigned char key[SIPHASH_KEY_SIZE];
};

/* Returns 0, or a negative errno when the kernel gives no random key. */
int index_init(struct index *index);
void index_destroy(struct index *index);

/* Makes room for one more image, so that index_add() cannot fail. Returns 0 or -ENOMEM. */
int index_reserve(struct index *index);

/* Adds an image after index_reserve(). */
void index_add(struct index *index, struct image *image);

/* Removes an image that is in it. */
void index_remove(struct index *index, const struct image *image);

/* A search for the images of a name, in no order. Valid until the index changes. */
struct index_search {
	const struct index *index;
	const char *name;
	uint64_t hash;
	uint32_t entry; /* the next one to look at */
};

struct index_search index_search(const struct index *index, const char *name);

/* The next image of the name, or NULL. */
struct image *index_next(struct index_search *search);
