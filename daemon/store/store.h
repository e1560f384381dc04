/*
 * The store: finds images by name and owner, and accounts for the bytes of their segments.
 */
#pragma once

#include "daemon/base/lru.h"
#include "daemon/segment/board.h"
#include "daemon/segment/deferred-free.h"
#include "daemon/segment/identity.h"
#include "daemon/store/change-log.h"
#include "daemon/store/image.h"
#include "daemon/store/index.h"
#include "daemon/store/observer.h"

RB_HEAD(image_tree, image);

struct store {
	struct index index;	  /* of the images, by name */
	struct image_tree images; /* the same images, in the order of their names */
	struct lru evictable;	  /* those that may be evicted */
	struct board *board;
	struct semaphores *semaphores;
	struct deferred_free *deferred_free;
	struct accounts *accounts; /* of the owners */
	const struct identity *identity;
	struct observer_list observers;
	struct change_log changes;
	uint64_t memory_max;
	uint64_t bytes;	   /* of all published segments */
	uint64_t reserved; /* bytes for segments that are being filled */
	uint64_t image_count;
	uint64_t rendition_count;
	uint64_t clock; /* counts up with each use of a rendition */
};

/* Returns 0 or a negative errno. */
int store_init(struct store *store, struct board *board, struct semaphores *semaphores,
	struct deferred_free *deferred_free, struct accounts *accounts,
	const struct identity *identity, uint64_t memory_max);

/* The image of an owner, or NULL. */
struct image *store_find(struct store *store, const char *name, uid_t owner);

/* In place of an owner's uid. */
enum {
	OWNER_SELF = -1, /* the user who asks */
	OWNER_ANY = -2,	 /* this user, else the one with the lowest uid who shares such an image */
};

/* The image of this name and owner that a user can access. NULL when there is none. */
struct image *store_find_visible(
	struct store *store, const struct credentials *who, const char *name, int64_t owner);

/* The image after (name, owner) in the order of names; with name NULL the first one. */
struct image *store_next(struct store *store, const char *name, uid_t owner);

/* Makes room for one more name, so that store_add_name() cannot fail. Returns 0 or -ENOMEM. */
int store_prepare(struct store *store);

/* Adds or removes the name of an image, and nothing else; lifetime.h has what callers need. */
void store_add_name(struct store *store, struct image *image);
void store_remove_name(struct store *store, struct image *image);

/*
 * Reserves bytes for a segment of an owner before it is made. Evicts nothing. Returns 0; -ENOSPC
 * when evicting all evictable images would not make room; -EDQUOT when evicting all those of the
 * owner would not bring the owner within the limit; or -ENOMEM.
 */
int store_reserve(struct store *store, struct charge *charge, uid_t owner, uint64_t size);

/* Gives reserved bytes back. Does nothing when they were given back or taken before. */
void store_cancel(struct store *store, struct charge *charge);

/*
 * Checks that a reserved segment, now complete, still has room: images may have been pinned and
 * limits lowered meanwhile. Returns 0, -ENOBUFS, or -EDQUOT when the owner is above a limit.
 */
int store_check_room(const struct store *store, const struct charge *charge, uid_t owner);

/* Turns reserved bytes into published ones, with which the store may be above its limits. */
struct charge store_take_reserved(struct store *store, struct charge *charge);

/* Charges for an existing segment; limits are not checked. Returns 0 or -ENOMEM. */
int store_charge(struct store *store, struct charge *charge, uid_t owner, uint64_t size);

/* Gives the bytes of a published segment back. */
void store_refund(struct store *store, struct charge *charge);

/* Whether an owner may have that many more images or bytes after evicting all that is evictable. */
bool store_allows(const struct store *store, uid_t owner, enum resource resource, uint64_t amount);

/* The bytes of all images that cannot be evicted. */
uint64_t store_pinned_bytes(const struct store *store);
