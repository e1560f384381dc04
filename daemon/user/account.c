/*
 * Accounts.
 *
 * An account exists while its user holds anything; the last refund frees it.
 */
#include "daemon/user/account.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { TRUSTED_FACTOR = 16 };

static const char *const resource_words[RESOURCE_COUNT] = {
	[RESOURCE_CONNECTIONS] = "user-connections",
	[RESOURCE_IMAGES] = "user-images",
	[RESOURCE_BYTES] = "user-bytes",
	[RESOURCE_LOADS] = "user-loads",
	[RESOURCE_PINS] = "user-pins",
	[RESOURCE_FOLLOWS] = "user-follows",
	[RESOURCE_SETS] = "user-sets",
	[RESOURCE_WATCHES] = "user-watches",
	[RESOURCE_DESCRIPTORS] = "user-descriptors",
};

const char *resource_to_string(enum resource resource)
{
	return resource_words[resource];
}

static int account_compare(const struct account *a, const struct account *b)
{
	return a->uid < b->uid ? -1 : a->uid > b->uid;
}

RB_GENERATE_INTERNAL(account_tree, account, node, account_compare, __attribute__((unused)) static)

static int account_compare_rank(const struct account *a, const struct account *b)
{
	if (a->rank != b->rank)
		return a->rank < b->rank ? -1 : 1;
	return account_compare(a, b);
}

RB_GENERATE_INTERNAL(
	account_ranking, account, ranked, account_compare_rank, __attribute__((unused)) static)

void accounts_init(struct accounts *accounts, const uint64_t limits[RESOURCE_COUNT])
{
	*accounts = (struct accounts){.limits = limits, .self = geteuid()};
	RB_INIT(&accounts->tree);
	RB_INIT(&accounts->ranking);
}

void accounts_destroy(const struct accounts *accounts)
{
	assert(RB_EMPTY(&accounts->tree) && accounts->count == 0);
	assert(RB_EMPTY(&accounts->ranking) && accounts->owner_count == 0);
}

static struct account *account_find(const struct accounts *accounts, uid_t uid)
{
	struct account *account = RB_ROOT(&accounts->tree);
	while (account && account->uid != uid)
		account = uid < account->uid ? RB_LEFT(account, node) : RB_RIGHT(account, node);
	return account;
}

static struct account *account_find_or_make(struct accounts *accounts, uid_t uid)
{
	struct account *account = account_find(accounts, uid);
	if (account)
		return account;
	account = calloc(1, sizeof(*account));
	if (!account)
		return NULL;
	account->accounts = accounts;
	account->uid = uid;
	lru_init(&account->evictable);
	RB_INSERT(account_tree, &accounts->tree, account);
	accounts->count++;
	return account;
}

static void account_free_unused(struct account *account)
{
	for (int i = 0; i < RESOURCE_COUNT; i++) {
		if (account->used[i] > 0)
			return;
	}
	assert(account->reserved == 0 && account->evictable.count == 0 &&
		account->evictable.bytes == 0);
	assert(account->rank == 0);
	RB_REMOVE(account_tree, &account->accounts->tree, account);
	account->accounts->count--;
	free(account);
}

uint64_t accounts_limit(const struct accounts *accounts, uid_t uid, enum resource resource)
{
	uint64_t limit = accounts->limits[resource];
	bool trusted = uid == 0 || uid == accounts->self;
	bool raised = resource == RESOURCE_CONNECTIONS || resource == RESOURCE_WATCHES;
	return raised && trusted ? limit * TRUSTED_FACTOR : limit;
}

uint64_t accounts_used(const struct accounts *accounts, uid_t uid, enum resource resource)
{
	const struct account *account = account_find(accounts, uid);
	return account ? account->used[resource] : 0;
}

uint64_t accounts_evictable(const struct accounts *accounts, uid_t uid, enum resource resource)
{
	const struct account *account = account_find(accounts, uid);
	if (!account)
		return 0;
	return resource == RESOURCE_IMAGES  ? account->evictable.count
	       : resource == RESOURCE_BYTES ? account->evictable.bytes
					    : 0;
}

uint64_t account_published(const struct account *account, enum resource resource)
{
	uint64_t reserved = resource == RESOURCE_BYTES ? account->reserved : 0;
	return account->used[resource] - reserved;
}

void account_rank(struct account *account)
{
	struct account_ranking *ranking = &account->accounts->ranking;
	uint64_t bytes =
		account->evictable.count < 2 ? 0 : account_published(account, RESOURCE_BYTES);
	if (bytes == account->rank)
		return;
	if (account->rank > 0)
		RB_REMOVE(account_ranking, ranking, account);
	account->rank = bytes;
	if (bytes > 0)
		RB_INSERT(account_ranking, ranking, account);
}

struct account *accounts_find_largest(struct accounts *accounts)
{
	return RB_MAX(account_ranking, &accounts->ranking);
}

struct account *accounts_find_over_limit(struct accounts *accounts)
{
	struct account *account;
	RB_FOREACH (account, account_tree, &accounts->tree) {
		if (account->over_limit)
			return account;
	}
	return NULL;
}

bool accounts_allow(
	const struct accounts *accounts, uid_t uid, enum resource resource, uint64_t amount)
{
	uint64_t limit = accounts_limit(accounts, uid, resource);
	uint64_t used = accounts_used(accounts, uid, resource);
	return used <= limit && amount <= limit - used;
}

int accounts_charge(struct accounts *accounts, struct charge *charge, uid_t uid,
	enum resource resource, uint64_t amount)
{
	if (!accounts_allow(accounts, uid, resource, amount))
		return -EDQUOT;
	return accounts_charge_beyond(accounts, charge, uid, resource, amount);
}

/* Counts a charge that its account does not count yet. */
static void account_add(const struct charge *charge)
{
	struct account *account = charge->account;
	if (charge->resource == RESOURCE_IMAGES && account->used[RESOURCE_IMAGES] == 0)
		account->accounts->owner_count++;
	account->used[charge->resource] += charge->amount;
	if (charge->resource == RESOURCE_BYTES)
		account_rank(account);
}

int accounts_charge_beyond(struct accounts *accounts, struct charge *charge, uid_t uid,
	enum resource resource, uint64_t amount)
{
	assert(!charge->account && amount > 0);
	struct account *account = account_find_or_make(accounts, uid);
	if (!account)
		return -ENOMEM;
	*charge = (struct charge){account, resource, amount};
	account_add(charge);
	return 0;
}

int accounts_charge_more(struct accounts *accounts, struct charge *charge, uid_t uid,
	enum resource resource, uint64_t amount)
{
	if (!charge->account)
		return accounts_charge(accounts, charge, uid, resource, amount);
	if (!accounts_allow(accounts, uid, resource, amount))
		return -EDQUOT;
	struct charge more = {charge->account, resource, amount};
	account_add(&more);
	charge->amount += amount;
	return 0;
}

void charge_reduce(struct charge *charge, uint64_t amount)
{
	struct charge excess = *charge;
	assert(amount <= charge->amount);
	excess.amount -= amount;
	charge->amount = amount;
	if (amount == 0)
		*charge = (struct charge){0};
	charge_refund(&excess);
}

void charge_refund(struct charge *charge)
{
	struct charge refunded = charge_take(charge);
	if (!refunded.account)
		return;
	struct account *account = refunded.account;
	assert(account->used[refunded.resource] >= refunded.amount);
	account->used[refunded.resource] -= refunded.amount;
	if (refunded.resource == RESOURCE_IMAGES && account->used[RESOURCE_IMAGES] == 0)
		account->accounts->owner_count--;
	if (refunded.resource == RESOURCE_BYTES)
		account_rank(account);
	account_free_unused(account);
}

void charge_move(struct charge *charge, struct account *account)
{
	struct charge moved = *charge;
	if (account == moved.account)
		return;
	charge_refund(charge);
	moved.account = account;
	account_add(&moved);
	*charge = moved;
}

struct charge charge_take(struct charge *charge)
{
	struct charge taken = *charge;
	*charge = (struct charge){0};
	return taken;
}

struct fault_fields accounts_fields(
	const struct accounts *accounts, uid_t uid, enum resource resource)
{
	return (struct fault_fields){
		.limit = resource_to_string(resource),
		.used = accounts_used(accounts, uid, resource),
		.max = accounts_limit(accounts, uid, resource),
	};
}

void accounts_explain(const struct accounts *accounts, uid_t uid, enum resource resource,
	uint64_t amount, char *text, size_t size)
{
	snprintf(text, size,
		"user %u has %" PRIu64 " of %s=%" PRIu64 ", and this would be %" PRIu64 " more",
		uid, accounts_used(accounts, uid, resource), resource_to_string(resource),
		accounts_limit(accounts, uid, resource), amount);
}
