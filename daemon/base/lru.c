/*
 * Idle images.
 */
#include "daemon/base/lru.h"

#include "daemon/store/store.h"

void idle_init(struct idle *idle)
{
	*idle = (struct idle){.count = 0};
	TAILQ_INIT(&idle->images);
}

static struct idle *lru_of_all(const struct image *image)
{
	return &image->store->idle;
}

static struct idle *lru_of_owner(const struct image *image)
{
	return &image->charge.account->idle;
}

static void lru_insert(struct image *image)
{
	TAILQ_INSERT_HEAD(&lru_of_all(image)->images, image, idle);
	TAILQ_INSERT_HEAD(&lru_of_owner(image)->images, image, owners_idle);
	lru_of_all(image)->count++;
	lru_of_owner(image)->count++;
}

static void lru_take_out(struct image *image)
{
	TAILQ_REMOVE(&lru_of_all(image)->images, image, idle);
	TAILQ_REMOVE(&lru_of_owner(image)->images, image, owners_idle);
	lru_of_all(image)->count--;
	lru_of_owner(image)->count--;
}

static void lru_set_bytes(struct image *image, uint64_t bytes)
{
	if (image->idle_bytes == 0 && bytes > 0)
		lru_insert(image);
	else if (image->idle_bytes > 0 && bytes == 0)
		lru_take_out(image);
	lru_of_all(image)->bytes += bytes - image->idle_bytes;
	lru_of_owner(image)->bytes += bytes - image->idle_bytes;
	image->idle_bytes = bytes;
}

void idle_note(struct image *image)
{
	/* Nor does one go for the generation that is to follow it. */
	bool may_go = image->named && image->pin_count == 0 && image->keep != KEEP_PINNED &&
		      !image->refreshing;
	uint64_t bytes = may_go ? image->bytes : 0;
	if (bytes != image->idle_bytes)
		lru_set_bytes(image, bytes);
}

void idle_touch(struct image *image)
{
	if (image->idle_bytes == 0)
		return;
	lru_take_out(image);
	lru_insert(image);
}
