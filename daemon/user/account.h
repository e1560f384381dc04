/*
 * Accounts: how much each user holds of connections, images, bytes, loads, pins, watched
 * folders and semaphore sets, and how much a user may hold. Every object that is counted embeds a
 * charge.
 */
#pragma once

#include <bsd/sys/tree.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "client/protocol/fault.h"
#include "daemon/base/lru.h"

enum resource {
	RESOURCE_CONNECTIONS,
	RESOURCE_IMAGES,
	RESOURCE_BYTES, /* of segments, including those being filled */
	RESOURCE_LOADS, /* under way */
	RESOURCE_PINS,
	RESOURCE_FOLLOWS,     /* folders watched because files are followed */
	RESOURCE_SETS,	      /* System V semaphore sets */
	RESOURCE_WATCHES,     /* and one more for each 64 bytes of a pattern */
	RESOURCE_DESCRIPTORS, /* of segments, under way to clients */
	RESOURCE_COUNT,
};

/* The name of the limit, such as "user-images". */
const char *resource_to_string(enum resource resource);

/* The account of a user that holds anything. */
struct account {
	RB_ENTRY(account) node;
	struct accounts *accounts;
	uid_t uid;
	uint64_t used[RESOURCE_COUNT];
	uint64_t reserved;    /* of the bytes used: those of segments being filled */
	struct lru evictable; /* of the images and bytes used: those that eviction would free */
	bool over_limit;      /* more images must be evicted than could go at once */
	RB_ENTRY(account) ranked;
	uint64_t rank; /* bytes by which it is ranked; 0: it is not */
};

RB_HEAD(account_tree, account);
RB_HEAD(account_ranking, account);

struct accounts {
	struct account_tree tree;
	const uint64_t *limits; /* of each resource; owned by the caller */
	uid_t self;		/* the user that the daemon runs as */
	uint64_t count;		/* of accounts */
	uint64_t owner_count;	/* of accounts with images */
	/* Accounts with two or more evictable images, by the bytes of their published segments. */
	struct account_ranking ranking;
};

/* The charge for one object to its user; {0} is none. */
struct charge {
	struct account *account;
	enum resource resource;
	uint64_t amount;
};

void accounts_init(struct accounts *accounts, const uint64_t limits[RESOURCE_COUNT]);

/* Asserts that every charge was refunded. */
void accounts_destroy(const struct accounts *accounts);

/*
 * How much a user may hold. Root and the daemon's own user may have more connections and watches,
 * so that their other programs cannot lock out an administrator.
 */
uint64_t accounts_limit(const struct accounts *accounts, uid_t uid, enum resource resource);
uint64_t accounts_used(const struct accounts *accounts, uid_t uid, enum resource resource);

/* The part of that which eviction would free. */
uint64_t accounts_evictable(const struct accounts *accounts, uid_t uid, enum resource resource);

/* What a user has of a resource, without bytes of segments that are being filled. */
uint64_t account_published(const struct account *account, enum resource resource);

/* Ranks an account anew. Call this when its reserved bytes or its evictable images change. */
void account_rank(struct account *account);

/* The ranked account that has the most bytes, or NULL. */
struct account *accounts_find_largest(struct accounts *accounts);

/* The first account with over_limit set, or NULL. */
struct account *accounts_find_over_limit(struct accounts *accounts);

/* Whether a user may hold that much more. */
bool accounts_allow(
	const struct accounts *accounts, uid_t uid, enum resource resource, uint64_t amount);

/*
 * Charges a user with an amount above 0. Returns 0; -EDQUOT when the user may not hold that much;
 * or -ENOMEM. After a failure nothing is charged.
 */
int accounts_charge(struct accounts *accounts, struct charge *charge, uid_t uid,
	enum resource resource, uint64_t amount);

/* As accounts_charge(), but does not check the limit. */
int accounts_charge_beyond(struct accounts *accounts, struct charge *charge, uid_t uid,
	enum resource resource, uint64_t amount);

/* As accounts_charge(), but adds to a charge that the user may have already for this resource. */
int accounts_charge_more(struct accounts *accounts, struct charge *charge, uid_t uid,
	enum resource resource, uint64_t amount);

/* Refunds a charge except for an amount, which is not larger. */
void charge_reduce(struct charge *charge, uint64_t amount);

/* Refunds a charge. Does nothing when it was refunded before. */
void charge_refund(struct charge *charge);

/* Charges another user instead, whose limit is not checked. */
void charge_move(struct charge *charge, struct account *account);

/* Moves a charge to another object. */
struct charge charge_take(struct charge *charge);

/* The fields of an error about a limit of a user that is reached. */
struct fault_fields accounts_fields(
	const struct accounts *accounts, uid_t uid, enum resource resource);

/* Writes a message about a limit that is reached: its name, the use, the limit and the amount. */
void accounts_explain(const struct accounts *accounts, uid_t uid, enum resource resource,
	uint64_t amount, char *text, size_t size);
