/*
 * The store: all images by name and owner, the bytes they take, and room for more by
 * evicting the least recently used. Knows nothing of sockets, requests and decoders.
 */
#pragma once

#include "daemon/board.h"
#include "daemon/image.h"
#include "daemon/releaser.h"
#include "daemon/watch.h"

RB_HEAD(image_tree, image);

struct store {
	struct image_tree images;
	TAILQ_HEAD(image_list, image) recent; /* most recently used first */
	struct board *board;
	struct semaphores *semaphores;
	struct releaser *releaser;
	struct accounts *accounts; /* of the owners */
	const char *instance;
	struct watch_list watches;
	uint64_t memory_max;
	uint64_t bytes; /* of all segments, those being filled included */
	uint64_t image_count;
	uint64_t rendition_count;
	uint64_t evictions;
};

void store_init(struct store *store, struct board *board, struct semaphores *semaphores,
	struct releaser *releaser, struct accounts *accounts, const char *instance,
	uint64_t memory_max);

/* Removes all images. No pins may be left. */
void store_destroy(struct store *store);

/* The image of an owner, or NULL. */
struct image *store_find(struct store *store, const char *name, uid_t owner);

/*
 * The image of a name that someone may see: of the owner, or with owner -1 one's own first,
 * then what others share. NULL when there is none.
 */
struct image *store_see(
	struct store *store, const struct credentials *who, const char *name, int64_t owner);

/* The image after (name, owner) in the order of names; the first one with name NULL. */
struct image *store_next(struct store *store, const char *name, uid_t owner);

/* Marks an image as used just now. */
void store_touch(struct store *store, struct image *image);

/* Makes an image findable. */
void store_insert(struct store *store, struct image *image);

/* Takes the name from an image at once; its pixels go when its last pin does. */
void store_drop(struct store *store, struct image *image);

/*
 * Evicts the least recently used unpinned images, until size bytes went. Returns how many
 * did: what another process still maps is not free yet.
 */
uint64_t store_evict(struct store *store, uint64_t size);

/* Changes the bytes that all segments may take, and evicts what is more, but for pins. */
void store_limit(struct store *store, uint64_t memory_max);

/*
 * Accounts for a segment of an owner's before it is made; evicts unpinned images as needed,
 * the owner's own first. Returns 0; -ENOSPC when room cannot be made; -EDQUOT when the owner
 * would have more bytes than allowed even then; or -ENOMEM. A failure evicts nothing.
 */
int store_reserve(struct store *store, struct charge *charge, uid_t owner, uint64_t size);
void store_refund(struct store *store, struct charge *charge);

/* As store_reserve() for a segment that is there already, whatever the limits. */
int store_charge(struct store *store, struct charge *charge, uid_t owner, uint64_t size);

/*
 * Whether an owner may have so much more of images or bytes, once what can be evicted of the
 * owner's own has gone; and has it go.
 */
bool store_allows(const struct store *store, uid_t owner, enum resource resource, uint64_t amount);
void store_trim(struct store *store, uid_t owner, enum resource resource);

/* What is held by pins or keep=pinned, in bytes. */
uint64_t store_pinned_bytes(const struct store *store);
