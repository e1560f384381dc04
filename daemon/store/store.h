/*
 * The store: all images by name and owner, and the bytes they take. Knows nothing of sockets,
 * requests and decoders.
 */
#pragma once

#include "daemon/base/lru.h"
#include "daemon/segment/board.h"
#include "daemon/segment/deferred-free.h"
#include "daemon/store/image.h"
#include "daemon/store/index.h"
#include "daemon/store/observer.h"

RB_HEAD(image_tree, image);

struct store {
	struct index index;	  /* to find images by name */
	struct image_tree images; /* the same, in the order of their names */
	struct lru evictable;	  /* of these, the images that may be evicted */
	struct board *board;
	struct semaphores *semaphores;
	struct deferred_free *deferred_free;
	struct accounts *accounts; /* of the owners */
	const char *instance;
	struct observer_list observers;
	uint64_t memory_max;
	uint64_t bytes;	   /* of all published segments */
	uint64_t reserved; /* bytes for segments that are being filled */
	uint64_t image_count;
	uint64_t rendition_count;
	uint64_t clock; /* counts up with each use of a rendition */
};

/* Returns 0 or a negative errno. */
int store_init(struct store *store, struct board *board, struct semaphores *semaphores,
	struct deferred_free *deferred_free, struct accounts *accounts, const char *instance,
	uint64_t memory_max);

/* The image of an owner, or NULL. */
struct image *store_find(struct store *store, const char *name, uid_t owner);

/*
 * The image of a name that someone may see: of the owner, or with owner -1 one's own first,
 * then what others share. NULL when there is none.
 */
struct image *store_find_visible(
	struct store *store, const struct credentials *who, const char *name, int64_t owner);

/* The image after (name, owner) in the order of names; the first one with name NULL. */
struct image *store_next(struct store *store, const char *name, uid_t owner);

/* Makes room for one more name, so that store_add_name() cannot fail. Returns 0 or -ENOMEM. */
int store_prepare(struct store *store);

/* Adds or removes the name of an image, and nothing else; lifetime.h has what callers need. */
void store_add_name(struct store *store, struct image *image);
void store_remove_name(struct store *store, struct image *image);

/*
 * Reserves bytes for a segment of an owner's before it is made. Nothing is evicted for it
 * yet. Returns 0; -ENOSPC when there would be no room for it however much was evicted;
 * -EDQUOT when the owner would have more bytes than allowed even then; or -ENOMEM.
 */
int store_reserve(struct store *store, struct charge *charge, uid_t owner, uint64_t size);

/* Gives back what was reserved; nothing when it has been given back, or taken, already. */
void store_cancel(struct store *store, struct charge *charge);

/*
 * Whether a reserved segment still has room, now that it is complete: images may have been
 * pinned, and the limit lowered, in the meantime. Returns 0, -ENOBUFS, or -EDQUOT when it is
 * the owner who has none.
 */
int store_check_room(const struct store *store, const struct charge *charge, uid_t owner);

/* Turns reserved bytes into published ones, with which the store may be above its limits. */
struct charge store_take_reserved(struct store *store, struct charge *charge);

/* Charges for a segment that is there already, whatever the limits. Returns 0 or -ENOMEM. */
int store_charge(struct store *store, struct charge *charge, uid_t owner, uint64_t size);

/* Gives back what was published. */
void store_refund(struct store *store, struct charge *charge);

/*
 * Whether an owner may have so much more of images or bytes, once what can be evicted of the
 * owner's own has gone.
 */
bool store_allows(const struct store *store, uid_t owner, enum resource resource, uint64_t amount);

/* What is held by pins or keep=pinned, in bytes. */
uint64_t store_pinned_bytes(const struct store *store);
