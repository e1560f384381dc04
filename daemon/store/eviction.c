/*
 * Eviction.
 *
 * The least recently used evictable image goes; lifetime.c keeps the lists. When an owner is above
 * a limit, it is this owner's. In all other cases it is that of the owner who has the most bytes,
 * if these are more than a fair share: memory-max divided by the number of owners. So an owner who
 * fills the memory evicts the own images first. The last used image of an owner is exempt from this
 * rule, or the image that was just loaded could be the first to go. If nobody has more than a fair
 * share, the least recently used image of all owners goes.
 *
 * There are four reasons to evict:
 *
 *   - all images together have more bytes than memory-max;
 *   - an owner is above a limit;
 *   - /dev/shm is full: `wanted` is the number of bytes to free;
 *   - the machine is short of memory: `pressed` is the number of bytes to free.
 *
 * The kernel needs some 10 microseconds to free an image, so at most BATCH images go at once. When
 * more have to go, eviction calls more(), and the engine calls eviction again later.
 */
#include "daemon/store/eviction.h"

#include "daemon/base/tiny.h"
#include "daemon/log/log.h"
#include "daemon/store/lifetime.h"

enum { BATCH = TINY(32, 1) }; /* images */

static bool eviction_is_above(const struct store *store, const struct account *account)
{
	uint64_t images = accounts_limit(store->accounts, account->uid, RESOURCE_IMAGES);
	uint64_t bytes = accounts_limit(store->accounts, account->uid, RESOURCE_BYTES);
	return account->evictable.count > 0 &&
	       (account_published(account, RESOURCE_IMAGES) > images ||
		       account_published(account, RESOURCE_BYTES) > bytes);
}

static bool eviction_is_full(const struct store *store)
{
	return store->bytes > store->memory_max && store->evictable.count > 0;
}

static void eviction_evict(struct eviction *eviction, struct image *image)
{
	struct log_client owner = {image->owner, 0};
	log_write(
		&(struct log_entry){LOG_ENTRY(INFO, GONE), .image = image->name, .client = &owner},
		"%s was evicted: room was needed", image->name);
	observers_notify_change(&eviction->store->observers, image, CHANGE_EVICTED);
	eviction->count++;
	image_drop(eviction->store, image);
}

/* The image that goes first when the memory of all is short; NULL when none is evictable. */
static struct image *eviction_choose(const struct store *store)
{
	const struct account *largest = accounts_find_largest(store->accounts);
	if (largest && account_published(largest, RESOURCE_BYTES) >
			       store->memory_max / store->accounts->owner_count)
		return image_oldest_evictable(store, largest);
	return image_oldest_evictable(store, NULL);
}

/* Evicts an image, unless it is NULL or the published one. */
static bool eviction_evict_other(
	struct eviction *eviction, struct image *image, const struct image *published)
{
	if (!image || image == published)
		return false;
	eviction_evict(eviction, image);
	return true;
}

void eviction_init(
	struct eviction *eviction, struct store *store, void (*more)(void *context), void *context)
{
	*eviction = (struct eviction){.store = store, .more = more, .context = context};
}

bool eviction_is_pending(const struct eviction *eviction)
{
	return eviction->wanted > 0 || eviction->pressed > 0 || eviction->owners_over_limit ||
	       eviction_is_full(eviction->store);
}

static void eviction_ask_for_more(const struct eviction *eviction)
{
	if (eviction_is_pending(eviction))
		eviction->more(eviction->context);
}

void eviction_trim(struct eviction *eviction, struct rendition *published)
{
	const struct store *store = eviction->store;
	struct image *image = published->generation->image;
	struct account *account = image->charge.account; /* stays, for it has this image */
	unsigned left = BATCH;
	image_touch(image);
	while (left > 0 && eviction_is_above(store, account) &&
		eviction_evict_other(eviction, image_oldest_evictable(store, account), image))
		left--;
	while (left > 0 && eviction_is_full(store) &&
		eviction_evict_other(eviction, eviction_choose(store), image))
		left--;
	/* There was room without the image's other renditions. */
	if ((eviction_is_above(store, account) &&
		    image_oldest_evictable(store, account) == image) ||
		(eviction_is_full(store) && eviction_choose(store) == image))
		image_shrink(image, published);
	account->over_limit = eviction_is_above(store, account);
	eviction->owners_over_limit |= account->over_limit;
	eviction_ask_for_more(eviction);
}

bool eviction_want(struct eviction *eviction, uint64_t bytes)
{
	if (eviction->store->evictable.count == 0)
		return false;
	eviction->wanted += bytes;
	eviction_ask_for_more(eviction);
	return true;
}

void eviction_limit(struct eviction *eviction, uint64_t memory_max)
{
	eviction->store->memory_max = memory_max;
	eviction_ask_for_more(eviction);
}

void eviction_press(struct eviction *eviction, uint64_t bytes)
{
	if (eviction->store->evictable.count == 0)
		return;
	eviction->pressed += bytes;
	eviction_ask_for_more(eviction);
}

static void eviction_reduce(uint64_t *amount, uint64_t bytes)
{
	*amount -= bytes < *amount ? bytes : *amount;
}

/* Evicts an image for the memory of all. */
static void eviction_evict_of_all(struct eviction *eviction)
{
	struct image *image = eviction_choose(eviction->store);
	uint64_t bytes = image->evictable.bytes;
	if (!eviction_is_full(eviction->store) && eviction->wanted == 0)
		eviction->pressure_count++;
	eviction_evict(eviction, image);
	eviction_reduce(&eviction->wanted, bytes);
	eviction_reduce(&eviction->pressed, bytes);
}

static void eviction_evict_of_owner(struct eviction *eviction)
{
	const struct store *store = eviction->store;
	struct account *account = accounts_find_over_limit(store->accounts);
	if (!account)
		eviction->owners_over_limit = false;
	else if (eviction_is_above(store, account))
		eviction_evict(eviction, image_oldest_evictable(store, account));
	else
		account->over_limit = false;
}

bool eviction_go_on(struct eviction *eviction)
{
	const struct store *store = eviction->store;
	for (unsigned left = BATCH; left > 0 && eviction_is_pending(eviction); left--) {
		if (store->evictable.count == 0)
			eviction->wanted = eviction->pressed = 0;
		else if (eviction_is_full(store) || eviction->wanted > 0 || eviction->pressed > 0)
			eviction_evict_of_all(eviction);
		if (eviction->owners_over_limit && !eviction_is_full(store))
			eviction_evict_of_owner(eviction);
	}
	return eviction_is_pending(eviction);
}
