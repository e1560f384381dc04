/*
 * Eviction.
 */
#include "daemon/store/eviction.h"

#include "daemon/log/log.h"
#include "daemon/store/lifetime.h"

enum { BATCH = 32 }; /* images: each takes the kernel some 10 microseconds */

/* What of a resource is published, and not only reserved. */
static uint64_t eviction_published(const struct account *account, enum resource resource)
{
	uint64_t reserved = resource == RESOURCE_BYTES ? account->reserved : 0;
	return account->used[resource] - reserved;
}

static bool eviction_is_above(const struct store *store, const struct account *account)
{
	uint64_t images = accounts_limit(store->accounts, account->uid, RESOURCE_IMAGES);
	uint64_t bytes = accounts_limit(store->accounts, account->uid, RESOURCE_BYTES);
	return account->evictable.count > 0 &&
	       (eviction_published(account, RESOURCE_IMAGES) > images ||
		       eviction_published(account, RESOURCE_BYTES) > bytes);
}

static bool eviction_is_full(const struct store *store)
{
	return store->bytes > store->memory_max && store->evictable.count > 0;
}

static void eviction_evict(struct store *store, struct image *image)
{
	struct log_client owner = {image->owner, 0};
	log_write(
		&(struct log_entry){LOG_ENTRY(INFO, GONE), .image = image->name, .client = &owner},
		"%s was evicted: room was needed", image->name);
	observers_notify_change(&store->observers, image, CHANGE_EVICTED);
	store->eviction.count++;
	store_drop(store, image);
}

/* Evicts the next image of all or of an owner, unless it is the one to be spared. */
static bool eviction_evict_next(
	struct store *store, const struct account *account, const struct image *spared)
{
	struct image *image = store_oldest_evictable(store, account);
	if (!image || image == spared)
		return false;
	eviction_evict(store, image);
	return true;
}

bool eviction_is_pending(const struct store *store)
{
	const struct eviction *eviction = &store->eviction;
	return eviction->wanted > 0 || eviction->pressed > 0 || eviction->owners_over_limit ||
	       eviction_is_full(store);
}

static void eviction_ask_for_more(struct store *store)
{
	if (eviction_is_pending(store) && store->eviction.more)
		store->eviction.more(store->eviction.context);
}

void eviction_trim(struct store *store, struct rendition *published)
{
	struct image *image = published->generation->image;
	struct account *account = image->charge.account; /* stays, for it has this image */
	unsigned left = BATCH;
	image_touch(image);
	while (left > 0 && eviction_is_above(store, account) &&
		eviction_evict_next(store, account, image))
		left--;
	while (left > 0 && eviction_is_full(store) && eviction_evict_next(store, NULL, image))
		left--;
	/* There was room without the image's other renditions. */
	if ((eviction_is_above(store, account) &&
		    store_oldest_evictable(store, account) == image) ||
		(eviction_is_full(store) && store_oldest_evictable(store, NULL) == image))
		image_shrink(image, published);
	account->over_limit = eviction_is_above(store, account);
	store->eviction.owners_over_limit |= account->over_limit;
	eviction_ask_for_more(store);
}

bool eviction_want(struct store *store, uint64_t bytes)
{
	if (store->evictable.count == 0)
		return false;
	store->eviction.wanted += bytes;
	eviction_ask_for_more(store);
	return true;
}

void eviction_limit(struct store *store, uint64_t memory_max)
{
	store->memory_max = memory_max;
	eviction_ask_for_more(store);
}

void eviction_press(struct store *store, uint64_t bytes)
{
	if (store->evictable.count == 0)
		return;
	store->eviction.pressed += bytes;
	eviction_ask_for_more(store);
}

static void eviction_reduce(uint64_t *amount, uint64_t bytes)
{
	*amount -= bytes < *amount ? bytes : *amount;
}

/* Evicts for what all images have to give way to. */
static void eviction_evict_of_all(struct store *store)
{
	struct eviction *eviction = &store->eviction;
	struct image *image = store_oldest_evictable(store, NULL);
	uint64_t bytes = image->evictable.bytes;
	if (!eviction_is_full(store) && eviction->wanted == 0)
		eviction->pressure_count++;
	eviction_evict(store, image);
	eviction_reduce(&eviction->wanted, bytes);
	eviction_reduce(&eviction->pressed, bytes);
}

static void eviction_evict_of_owner(struct store *store)
{
	struct account *account = accounts_find_over_limit(store->accounts);
	if (!account)
		store->eviction.owners_over_limit = false;
	else if (eviction_is_above(store, account))
		eviction_evict(store, store_oldest_evictable(store, account));
	else
		account->over_limit = false;
}

bool eviction_go_on(struct store *store)
{
	struct eviction *eviction = &store->eviction;
	for (unsigned left = BATCH; left > 0 && eviction_is_pending(store); left--) {
		if (store->evictable.count == 0)
			eviction->wanted = eviction->pressed = 0;
		else if (eviction_is_full(store) || eviction->wanted > 0 || eviction->pressed > 0)
			eviction_evict_of_all(store);
		if (eviction->owners_over_limit && !eviction_is_full(store))
			eviction_evict_of_owner(store);
	}
	return eviction_is_pending(store);
}
