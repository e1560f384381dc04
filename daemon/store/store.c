/*
 * The store.
 */
#include "daemon/store/store.h"

#include <errno.h>
#include <string.h>

static int store_compare(const struct image *a, const struct image *b)
{
	int order = strcmp(a->name, b->name);
	if (order)
		return order;
	return a->owner < b->owner ? -1 : a->owner > b->owner;
}

RB_GENERATE_INTERNAL(image_tree, image, node, store_compare, __attribute__((unused)) static)

int store_init(struct store *store, struct board *board, struct semaphores *semaphores,
	struct deferred_free *deferred_free, struct accounts *accounts,
	const struct identity *identity, uint64_t memory_max)
{
	*store = (struct store){
		.board = board,
		.semaphores = semaphores,
		.deferred_free = deferred_free,
		.accounts = accounts,
		.identity = identity,
		.memory_max = memory_max,
	};
	RB_INIT(&store->images);
	lru_init(&store->evictable);
	TAILQ_INIT(&store->observers);
	change_log_init(&store->changes, &store->observers);
	return index_init(&store->index);
}

int store_prepare(struct store *store)
{
	return index_reserve(&store->index);
}

void store_add_name(struct store *store, struct image *image)
{
	index_add(&store->index, &image->indexed, image, image->name);
	RB_INSERT(image_tree, &store->images, image);
	store->image_count++;
	image->named = true;
}

void store_remove_name(struct store *store, struct image *image)
{
	index_remove(&store->index, &image->indexed);
	RB_REMOVE(image_tree, &store->images, image);
	store->image_count--;
	image->named = false;
}

struct image *store_find(struct store *store, const char *name, uid_t owner)
{
	struct index_search search = index_search(&store->index, name);
	struct image *image = index_next(&search);
	while (image && image->owner != owner)
		image = index_next(&search);
	return image;
}

static bool store_is_visible(const struct credentials *who, const struct image *image)
{
	return share_permits(who, image->owner, image->share, image->group);
}

struct image *store_find_visible(
	struct store *store, const struct credentials *who, const char *name, int64_t owner)
{
	uid_t first = owner < 0 ? who->uid : (uid_t)owner;
	struct index_search search = index_search(&store->index, name);
	struct image *image, *shared = NULL;
	while ((image = index_next(&search))) {
		if (image->owner == first)
			return store_is_visible(who, image) ? image : NULL;
		if (store_is_visible(who, image) && (!shared || image->owner < shared->owner))
			shared = image;
	}
	return owner == OWNER_ANY ? shared : NULL;
}

struct image *store_next(struct store *store, const char *name, uid_t owner)
{
	struct image key = {.name = name, .owner = owner};
	if (!name)
		return RB_MIN(image_tree, &store->images);
	struct image *image = RB_NFIND(image_tree, &store->images, &key);
	if (image && store_compare(image, &key) == 0)
		image = RB_NEXT(image_tree, &store->images, image);
	return image;
}

uint64_t store_pinned_bytes(const struct store *store)
{
	return store->bytes - store->evictable.bytes;
}

bool store_allows(const struct store *store, uid_t owner, enum resource resource, uint64_t amount)
{
	const struct accounts *accounts = store->accounts;
	uint64_t limit = accounts_limit(accounts, owner, resource);
	uint64_t held = accounts_used(accounts, owner, resource) -
			accounts_evictable(accounts, owner, resource);
	return held <= limit && amount <= limit - held;
}

int store_charge(struct store *store, struct charge *charge, uid_t owner, uint64_t size)
{
	int r = accounts_charge_beyond(store->accounts, charge, owner, RESOURCE_BYTES, size);
	if (r == 0)
		store->bytes += size;
	return r;
}

void store_refund(struct store *store, struct charge *charge)
{
	store->bytes -= charge->amount;
	charge_refund(charge);
}

int store_reserve(struct store *store, struct charge *charge, uid_t owner, uint64_t size)
{
	uint64_t held = store_pinned_bytes(store) + store->reserved;
	if (size > store->memory_max || held > store->memory_max - size)
		return -ENOSPC;
	if (!store_allows(store, owner, RESOURCE_BYTES, size))
		return -EDQUOT;
	int r = accounts_charge_beyond(store->accounts, charge, owner, RESOURCE_BYTES, size);
	if (r < 0)
		return r;
	store->reserved += size;
	charge->account->reserved += size;
	account_rank(charge->account);
	return 0;
}

int store_check_room(const struct store *store, const struct charge *charge, uid_t owner)
{
	/* What the owner uses includes reserved bytes. */
	if (!store_allows(store, owner, RESOURCE_BYTES, 0))
		return -EDQUOT;
	/* The limit may have been lowered. */
	return charge->amount > store->memory_max ||
			       store_pinned_bytes(store) > store->memory_max - charge->amount
		       ? -ENOBUFS
		       : 0;
}

struct charge store_take_reserved(struct store *store, struct charge *charge)
{
	struct charge taken = charge_take(charge);
	store->reserved -= taken.amount;
	taken.account->reserved -= taken.amount;
	account_rank(taken.account);
	store->bytes += taken.amount;
	return taken;
}

void store_cancel(struct store *store, struct charge *charge)
{
	if (!charge->account)
		return;
	store->reserved -= charge->amount;
	charge->account->reserved -= charge->amount;
	charge_refund(charge);
}
