/*
 * The store: images by name, and room for them.
 * See store.h for what it does and never does.
 */
#include "daemon/store.h"

#include <errno.h>
#include <string.h>

#include "daemon/follow.h"

static int compare(const struct image *a, const struct image *b)
{
	int order = strcmp(a->name, b->name);
	if (order)
		return order;
	return a->owner < b->owner ? -1 : a->owner > b->owner;
}

RB_GENERATE_INTERNAL(image_tree, image, node, compare, __attribute__((unused)) static)

void store_init(struct store *store, struct board *board, struct semaphores *semaphores,
	struct releaser *releaser, struct accounts *accounts, const char *instance,
	uint64_t memory_max)
{
	*store = (struct store){
		.board = board,
		.semaphores = semaphores,
		.releaser = releaser,
		.accounts = accounts,
		.instance = instance,
		.memory_max = memory_max,
	};
	RB_INIT(&store->images);
	TAILQ_INIT(&store->recent);
	TAILQ_INIT(&store->watches);
}

void store_destroy(struct store *store)
{
	while (!TAILQ_EMPTY(&store->recent))
		store_drop(store, TAILQ_FIRST(&store->recent));
}

void store_insert(struct store *store, struct image *image)
{
	RB_INSERT(image_tree, &store->images, image);
	TAILQ_INSERT_HEAD(&store->recent, image, recent);
	store->image_count++;
	image->named = true;
}

struct image *store_find(struct store *store, const char *name, uid_t owner)
{
	struct image key = {.name = name, .owner = owner};
	return RB_FIND(image_tree, &store->images, &key);
}

static struct image *find_from(struct store *store, const char *name, uid_t owner)
{
	struct image key = {.name = name, .owner = owner};
	return RB_NFIND(image_tree, &store->images, &key);
}

static bool may_see(const struct credentials *who, const struct image *image)
{
	return share_permits(who, image->owner, image->share, image->group);
}

struct image *store_see(
	struct store *store, const struct credentials *who, const char *name, int64_t owner)
{
	struct image *image = store_find(store, name, owner < 0 ? who->uid : (uid_t)owner);
	if (image)
		return may_see(who, image) ? image : NULL;
	if (owner >= 0)
		return NULL;
	image = find_from(store, name, 0);
	while (image && strcmp(image->name, name) == 0) {
		if (may_see(who, image))
			return image;
		image = RB_NEXT(image_tree, &store->images, image);
	}
	return NULL;
}

struct image *store_next(struct store *store, const char *name, uid_t owner)
{
	if (!name)
		return RB_MIN(image_tree, &store->images);
	struct image *image = find_from(store, name, owner);
	if (image && image->owner == owner && strcmp(image->name, name) == 0)
		image = RB_NEXT(image_tree, &store->images, image);
	return image;
}

void store_touch(struct store *store, struct image *image)
{
	TAILQ_REMOVE(&store->recent, image, recent);
	TAILQ_INSERT_HEAD(&store->recent, image, recent);
}

void store_drop(struct store *store, struct image *image)
{
	follow_free(image->follow);
	RB_REMOVE(image_tree, &store->images, image);
	TAILQ_REMOVE(&store->recent, image, recent);
	store->image_count--;
	image->named = false;
	/* Who keeps a mapping learns at once that the name has nothing newer than this. */
	board_show(store->board, image->slot, 0);
	image_settle(image);
}

/*
 * Bytes that dropping an image would free: none while any of it is pinned, or is to be
 * followed by a generation that the room would be for.
 */
static uint64_t evictable_bytes(const struct image *image)
{
	uint64_t bytes = 0;
	const struct generation *generation;
	const struct rendition *rendition;
	if (image->pin_count > 0 || image->keep == KEEP_PINNED || follow_is_loading(image->follow))
		return 0;
	TAILQ_FOREACH (generation, &image->generations, link) {
		TAILQ_FOREACH (rendition, &generation->renditions, link)
			bytes += rendition->segment_size;
	}
	return bytes;
}

/* What an owner would have more room for, of images or bytes, without an image. */
static uint64_t evictable(const struct image *image, enum resource resource)
{
	uint64_t bytes = evictable_bytes(image);
	return resource == RESOURCE_IMAGES ? bytes > 0 : bytes;
}

uint64_t store_pinned_bytes(const struct store *store)
{
	uint64_t bytes = store->bytes;
	const struct image *image;
	TAILQ_FOREACH (image, &store->recent, recent)
		bytes -= evictable_bytes(image);
	return bytes;
}

/* Evicts as store_evict() does, by bytes or images, from one owner or (NULL) from all. */
static uint64_t evict(
	struct store *store, const uid_t *owner, enum resource resource, uint64_t amount)
{
	uint64_t evicted = 0;
	struct image *image = TAILQ_LAST(&store->recent, image_list);
	while (image && evicted < amount) {
		struct image *previous = TAILQ_PREV(image, image_list, recent);
		bool concerned = !owner || image->owner == *owner;
		uint64_t gain = concerned ? evictable(image, resource) : 0;
		if (gain > 0) {
			watch_tell(&store->watches, image, CHANGE_EVICTED);
			store_drop(store, image);
			store->evictions++;
			evicted += gain;
		}
		image = previous;
	}
	return evicted;
}

uint64_t store_evict(struct store *store, uint64_t size)
{
	return evict(store, NULL, RESOURCE_BYTES, size);
}

void store_limit(struct store *store, uint64_t memory_max)
{
	store->memory_max = memory_max;
	if (store->bytes > memory_max)
		store_evict(store, store->bytes - memory_max);
}

bool store_allows(const struct store *store, uid_t owner, enum resource resource, uint64_t amount)
{
	uint64_t limit = accounts_limit(store->accounts, owner, resource);
	uint64_t used = accounts_used(store->accounts, owner, resource);
	const struct image *image;
	if (amount > limit)
		return false;
	if (used <= limit - amount)
		return true;
	TAILQ_FOREACH (image, &store->recent, recent) {
		if (image->owner == owner)
			used -= evictable(image, resource);
	}
	return used <= limit - amount;
}

void store_trim(struct store *store, uid_t owner, enum resource resource)
{
	uint64_t limit = accounts_limit(store->accounts, owner, resource);
	uint64_t used = accounts_used(store->accounts, owner, resource);
	if (used > limit)
		evict(store, &owner, resource, used - limit);
}

int store_charge(struct store *store, struct charge *charge, uid_t owner, uint64_t size)
{
	int r = accounts_charge_beyond(store->accounts, charge, owner, RESOURCE_BYTES, size);
	if (r == 0)
		store->bytes += size;
	return r;
}

int store_reserve(struct store *store, struct charge *charge, uid_t owner, uint64_t size)
{
	if (size > store->memory_max)
		return -ENOSPC;
	/* Nobody loses an image for a request that cannot be met even then. */
	uint64_t most = store->memory_max - size;
	if (store->bytes > most && store_pinned_bytes(store) > most)
		return -ENOSPC;
	if (!store_allows(store, owner, RESOURCE_BYTES, size))
		return -EDQUOT;
	int r = store_charge(store, charge, owner, size);
	if (r < 0)
		return r;
	store_trim(store, owner, RESOURCE_BYTES);
	if (store->bytes > store->memory_max)
		store_evict(store, store->bytes - store->memory_max);
	return 0;
}

void store_refund(struct store *store, struct charge *charge)
{
	store->bytes -= charge->amount;
	charge_refund(charge);
}
