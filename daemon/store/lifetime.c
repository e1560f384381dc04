/*
 * The lifetime of images.
 *
 * An image stays while it has a name, and after that while a rendition of it is pinned. Of an
 * image with a name, the current generation stays; older ones stay as long as they are pinned.
 * Every change of a name, of pins, of keep, of bytes or of refreshing ends in lifetime_update(),
 * which puts the image into the LRU lists of evictable images or takes it out; and every loss of a
 * pin or a name ends in image_collect(). So the lists are right at any time, and nobody has to
 * search for images that could go. Each of these changes concerns one generation, so none costs
 * more when there are many.
 *
 * What can be found by its name is the owner's expense. An older generation, or an image without a
 * name, is in memory only for those who pin it: the user of its oldest pin pays for it, then that
 * of the next one. So nobody is above a limit because of what others keep.
 */
#include "daemon/store/lifetime.h"

#include <stddef.h>
#include <stdlib.h>

static void lifetime_set_evictable_bytes(struct image *image, uint64_t bytes)
{
	struct lru *all = &image->store->evictable;
	struct lru *owners = &image->charge.account->evictable;
	uint64_t before = image->evictable.bytes;
	if (before == 0) {
		lru_insert(all, &image->evictable, bytes);
		lru_insert(owners, &image->owners_evictable, bytes);
	} else if (bytes == 0) {
		lru_remove(all, &image->evictable);
		lru_remove(owners, &image->owners_evictable);
	} else {
		lru_resize(all, &image->evictable, bytes);
		lru_resize(owners, &image->owners_evictable, bytes);
	}
	account_rank(image->charge.account);
}

/* An image that becomes evictable counts as used just now. */
static void lifetime_update(struct image *image)
{
	bool evictable = image->named && image->pin_count == 0 && image->keep != KEEP_PINNED &&
			 !image->refreshing;
	uint64_t bytes = evictable ? image->bytes : 0;
	if (bytes != image->evictable.bytes)
		lifetime_set_evictable_bytes(image, bytes);
}

void image_touch(struct image *image)
{
	if (image->evictable.bytes == 0)
		return;
	lru_touch(&image->store->evictable, &image->evictable);
	lru_touch(&image->charge.account->evictable, &image->owners_evictable);
}

struct image *image_oldest_evictable(const struct store *store, const struct account *account)
{
	char *node = (char *)lru_last(account ? &account->evictable : &store->evictable);
	size_t offset = account ? offsetof(struct image, owners_evictable)
				: offsetof(struct image, evictable);
	return node ? (void *)(node - offset) : NULL;
}

void image_set_keep(struct image *image, enum keep keep)
{
	image->keep = keep;
	board_set_keep(image->store->board, image->slot, (uint8_t)keep);
	lifetime_update(image);
}

void image_set_refreshing(struct image *image, bool refreshing)
{
	image->refreshing = refreshing;
	lifetime_update(image);
}

void generation_add(struct generation *generation, struct rendition *rendition)
{
	struct image *image = generation->image;
	generation_insert(generation, rendition);
	rendition_touch(rendition);
	image->store->rendition_count++;
	image->bytes += rendition->segment_size;
	lifetime_update(image);
}

void rendition_touch(struct rendition *rendition)
{
	rendition->used = ++rendition->generation->image->store->clock;
}

static void lifetime_free_rendition(struct rendition *rendition)
{
	struct generation *generation = rendition->generation;
	struct image *image = generation->image;
	struct store *store = image->store;
	image->bytes -= rendition->segment_size;
	lifetime_update(image);
	if (!store->board->left)
		segment_remove(rendition->segment, image->name, image->owner, store->deferred_free);
	store_refund(store, &rendition->bytes);
	store->rendition_count--;
	generation->count--;
	TAILQ_REMOVE(&generation->renditions, rendition, link);
	free(rendition->description);
	free(rendition);
}

/* The rendition that one more would replace: the least recently used one without pins, or NULL. */
static struct rendition *lifetime_find_replaceable(
	const struct generation *generation, enum keep keep)
{
	struct rendition *rendition, *oldest = NULL;
	if (keep == KEEP_PINNED)
		return NULL;
	TAILQ_FOREACH (rendition, &generation->renditions, link) {
		if (rendition->pin_count == 0 && (!oldest || rendition->used < oldest->used))
			oldest = rendition;
	}
	return oldest;
}

bool generation_has_room(const struct generation *generation, enum keep keep)
{
	return generation->count < RENDITIONS_MAX || lifetime_find_replaceable(generation, keep);
}

void generation_make_room(struct generation *generation, enum keep keep)
{
	struct rendition *replaced = NULL;
	if (generation->count >= RENDITIONS_MAX)
		replaced = lifetime_find_replaceable(generation, keep);
	if (replaced)
		lifetime_free_rendition(replaced);
}

void image_shrink(struct image *image, const struct rendition *kept)
{
	struct rendition *rendition = TAILQ_FIRST(&kept->generation->renditions);
	while (image->pin_count == 0 && rendition) {
		struct rendition *next = TAILQ_NEXT(rendition, link);
		if (rendition != kept)
			lifetime_free_rendition(rendition);
		rendition = next;
	}
}

/* Has those pay for an old generation who keep it in memory. */
static void lifetime_charge_holders(struct generation *generation)
{
	struct rendition *rendition;
	TAILQ_FOREACH (rendition, &generation->renditions, link) {
		struct account *holder = TAILQ_FIRST(&rendition->pins)->charge.account;
		if (holder)
			charge_move(&rendition->bytes, holder);
	}
}

/* Frees the unpinned renditions of a generation, and the generation when none is left. */
static void lifetime_free_unpinned(struct generation *generation)
{
	struct rendition *rendition = TAILQ_FIRST(&generation->renditions);
	while (rendition) {
		struct rendition *next = TAILQ_NEXT(rendition, link);
		if (rendition->pin_count == 0)
			lifetime_free_rendition(rendition);
		rendition = next;
	}
	if (!TAILQ_EMPTY(&generation->renditions)) {
		lifetime_charge_holders(generation);
		return;
	}
	TAILQ_REMOVE(&generation->image->generations, generation, link);
	free(generation);
}

/* As image_collect(), for one generation, which may be NULL or the current one. */
static void lifetime_collect(struct image *image, struct generation *generation)
{
	if (generation && generation != image_current(image))
		lifetime_free_unpinned(generation);
	if (image->named)
		return;
	generation = TAILQ_FIRST(&image->generations);
	if (generation) {
		const struct rendition *first = TAILQ_FIRST(&generation->renditions);
		charge_move(&image->charge, first->bytes.account);
		return;
	}
	semaphore_put(image->store->semaphores, &image->semaphore);
	board_put_slot(image->store->board, image->slot);
	image_free(image);
}

void image_collect(struct image *image)
{
	const struct generation *current = image_current(image);
	struct generation *first = TAILQ_FIRST(&image->generations);
	lifetime_collect(image, current ? TAILQ_NEXT(current, link) : first);
}

void image_pin(struct pin *pin, struct rendition *rendition)
{
	pin->rendition = rendition;
	TAILQ_INSERT_TAIL(&rendition->pins, pin, link);
	rendition->pin_count++;
	rendition_touch(rendition);
	rendition->generation->image->pin_count++;
	lifetime_update(rendition->generation->image);
}

void image_unpin(struct pin *pin)
{
	struct rendition *rendition = pin->rendition;
	struct image *image = rendition->generation->image;
	TAILQ_REMOVE(&rendition->pins, pin, link);
	rendition->pin_count--;
	image->pin_count--;
	lifetime_update(image);
	bool is_left = image->pin_count == 0 && image->named && image->keep == KEEP_ATTACHED;
	lifetime_collect(image, rendition->generation);
	if (is_left) {
		observers_notify_change(&image->store->observers, image, CHANGE_DROPPED);
		image_drop(image->store, image);
	}
}

void image_insert(struct store *store, struct image *image)
{
	store_add_name(store, image);
	lifetime_update(image);
}

void image_drop(struct store *store, struct image *image)
{
	observers_notify_removed(&store->observers, image);
	store_remove_name(store, image);
	lifetime_update(image);
	/* Readers that keep a mapping see at once that the name has no newer image. */
	board_show(store->board, image->slot, 0);
	semaphore_drop(store->semaphores, &image->semaphore);
	image_collect(image);
}

void store_destroy(struct store *store)
{
	while (!RB_EMPTY(&store->images))
		image_drop(store, RB_ROOT(&store->images));
	change_log_destroy(&store->changes);
	index_destroy(&store->index);
}
