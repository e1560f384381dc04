/*
 * What each user holds of the daemon: connections, images, bytes, loads under way, pins and
 * watched folders, and how much of each a user may hold. Whatever is held embeds the charge
 * for it. Knows nothing of what that is, and never takes anything from anybody.
 */
#pragma once

#include <bsd/sys/tree.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "daemon/base/lru.h"

enum resource {
	RESOURCE_CONNECTIONS,
	RESOURCE_IMAGES,
	RESOURCE_BYTES, /* of segments, those being filled included */
	RESOURCE_LOADS, /* under way */
	RESOURCE_PINS,
	RESOURCE_FOLLOWS, /* folders watched on the way to files that are followed */
	RESOURCE_COUNT,
};

/* The name of a user's limit, and of what counts against it, such as "user-images". */
const char *resource_to_string(enum resource resource);

/* A user who holds anything. */
struct account {
	RB_ENTRY(account) node;
	struct accounts *accounts;
	uid_t uid;
	uint64_t used[RESOURCE_COUNT];
	uint64_t reserved;    /* of the bytes used: for segments that are being filled */
	struct lru evictable; /* of the images and bytes used: those that eviction would free */
	bool over_limit;      /* more of that has to go than could go at once */
};

RB_HEAD(account_tree, account);

struct accounts {
	struct account_tree tree;
	const uint64_t *limits; /* for each resource; the caller's */
	uid_t self;		/* whom the daemon runs as */
	uint64_t count;		/* users that hold anything */
};

/* What one thing costs its user; {0} is none. */
struct charge {
	struct account *account;
	enum resource resource;
	uint64_t amount;
};

void accounts_init(struct accounts *accounts, const uint64_t limits[RESOURCE_COUNT]);

/* Checks that everything has been refunded. */
void accounts_destroy(const struct accounts *accounts);

/*
 * What a user may hold. Root and the daemon's own user may have more connections than
 * others: whoever has to look after the daemon is not locked out by what else runs as them.
 */
uint64_t accounts_limit(const struct accounts *accounts, uid_t uid, enum resource resource);
uint64_t accounts_used(const struct accounts *accounts, uid_t uid, enum resource resource);

/* The part of that which eviction would free. */
uint64_t accounts_evictable(const struct accounts *accounts, uid_t uid, enum resource resource);

/* The first user that is behind, or NULL. */
struct account *accounts_find_over_limit(struct accounts *accounts);

/* Whether a user may hold so much more. */
bool accounts_allow(
	const struct accounts *accounts, uid_t uid, enum resource resource, uint64_t amount);

/*
 * Charges a user with an amount above 0. Returns 0; -EDQUOT when that is more than the user
 * may hold; or -ENOMEM. After a failure nothing is charged.
 */
int accounts_charge(struct accounts *accounts, struct charge *charge, uid_t uid,
	enum resource resource, uint64_t amount);

/* As accounts_charge(), whatever the limit. */
int accounts_charge_beyond(struct accounts *accounts, struct charge *charge, uid_t uid,
	enum resource resource, uint64_t amount);

/* Gives back what was charged; nothing when it has been given back already. */
void charge_refund(struct charge *charge);

/* Moves a charge to what it is for from now on. */
struct charge charge_take(struct charge *charge);

/* Says which limit is in the way of so much more, how much is used, and what is allowed. */
void accounts_explain(const struct accounts *accounts, uid_t uid, enum resource resource,
	uint64_t amount, char *text, size_t size);
