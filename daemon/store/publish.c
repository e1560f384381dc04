/*
 * Publishing.
 *
 * Everything that can fail is done first: the image with its slot and semaphore, the generation,
 * room in the index, and the segment's header and name. publish_commit() then shows the new state
 * with steps that cannot fail. The first of them writes the generation to the board, by which a
 * daemon that adopts the segments decides: from then on the new segment counts.
 */
#include "daemon/store/publish.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/store/lifetime.h"
#include "daemon/store/seal.h"

bool publish_continues(const struct image *image, int share, gid_t group)
{
	if (share < 0)
		return true;
	return (enum share)share == image->share &&
	       (image->share != SHARE_GROUP || image->group == group);
}

bool publish_allows(struct store *store, const char *name, uid_t owner)
{
	return store_find(store, name, owner) || store_allows(store, owner, RESOURCE_IMAGES, 1);
}

/* May exceed the limit by what the owner has evictable: eviction brings it back. */
static int publish_charge_image(struct store *store, struct image *image)
{
	if (!store_allows(store, image->owner, RESOURCE_IMAGES, 1))
		return -EDQUOT;
	return accounts_charge_beyond(
		store->accounts, &image->charge, image->owner, RESOURCE_IMAGES, 1);
}

/* An image without a name yet, with its semaphore and slot. */
static struct image *publish_make_image(
	struct store *store, const struct publication *publication, int *error)
{
	enum share share = publication->share < 0 ? SHARE_PRIVATE : (enum share)publication->share;
	struct image *image =
		image_new(store, publication->name, publication->owner, share, publication->group);
	*error = -ENOMEM;
	if (!image)
		return NULL;
	*error = publish_charge_image(store, image);
	if (*error < 0)
		goto fail;
	*error = board_take_slot(store->board, &image->slot);
	if (*error < 0)
		goto fail;
	*error = semaphore_take(
		store->semaphores, image->owner, image->share, image->group, &image->semaphore);
	if (*error == 0)
		return image;
	board_put_slot(store->board, image->slot);
fail:
	image_free(image);
	return NULL;
}

/* The keep of the image after publishing. */
static enum keep publish_keep_of(const struct image *image, const struct publication *publication)
{
	return publication->keep < 0 ? image->keep : (enum keep)publication->keep;
}

static int publish_segment(
	struct store *store, const struct publication *publication, struct rendition *rendition)
{
	const struct generation *generation = rendition->generation;
	const struct image *image = generation->image;
	struct header *header = publication->header;
	header->generation = generation->number;
	header->owner = image->owner;
	header->slot = image->slot;
	header->semaphore_id = image->semaphore.id;
	header->semaphore_index = image->semaphore.index;
	header->share = image->share;
	header->group = image->group;
	header->keep = publish_keep_of(image, publication);
	header->native = generation->native;
	memcpy(header->type, generation->type, sizeof(header->type));
	if (header->name_offset < HEADER_SIZE)
		memcpy(header->name, image->name, header->name_length);
	int r = segment_make_name(store->identity->id, rendition->segment);
	if (r < 0)
		return r;
	seal_header(store->identity, header, rendition->segment, image->name);
	struct segment_readers readers = {image->owner, image->share, image->group};
	return segment_publish(publication->fd, header, image->name, &readers, rendition->segment);
}

/* Shows the new state; cannot fail. */
static void publish_commit(struct store *store, const struct publication *publication,
	struct image *replaced, struct rendition *rendition, struct published *published)
{
	struct generation *generation = rendition->generation;
	struct image *image = generation->image;
	struct view before = {0};
	if (replaced)
		before = (struct view){
			image_current(replaced)->number, replaced->share, replaced->group};
	board_show(store->board, image->slot, generation->number);
	if (replaced && replaced != image) {
		observers_notify_replaced(&store->observers, replaced, image);
		image_drop(store, replaced);
	}
	if (publication->keep >= 0)
		image_set_keep(image, (enum keep)publication->keep);
	bool fresh = TAILQ_EMPTY(&generation->renditions);
	generation_make_room(generation, publish_keep_of(image, publication));
	if (fresh)
		TAILQ_INSERT_HEAD(&image->generations, generation, link);
	rendition->bytes = store_take_reserved(store, publication->bytes);
	generation_add(generation, rendition);
	if (!image->named)
		image_insert(store, image);
	image_collect(image);
	*published = (struct published){
		rendition, fresh, replaced ? CHANGE_CHANGED : CHANGE_LOADED, before};
}

void publish_notify(const struct published *published)
{
	const struct image *image = published->rendition->generation->image;
	if (published->first)
		observers_notify_published(
			&image->store->observers, image, published->change, &published->before);
}

static void publish_discard(struct store *store, struct image *image, struct image *existing,
	struct generation *generation, struct rendition *rendition)
{
	free(rendition);
	if (generation && (image != existing || generation != image_current(image)))
		free(generation);
	if (image && image != existing) {
		semaphore_put(store->semaphores, &image->semaphore);
		board_put_slot(store->board, image->slot);
		image_free(image);
	}
}

static struct box publish_box_of(const struct header *header)
{
	return (struct box){header->box_width, header->box_height};
}

/* The published rendition that equals the new one, or NULL. */
static struct rendition *publish_find_same(
	const struct generation *current, const struct header *header)
{
	if (!current || !header_source_equal(&current->source, &header->source))
		return NULL;
	return generation_find(current, (enum format)header->format, publish_box_of(header));
}

/* Uses an equal rendition in place of the new one, and remembers the box that led to it. */
static void publish_reuse(const struct publication *publication, struct rendition *same)
{
	if (publication->keep >= 0)
		image_set_keep(same->generation->image, (enum keep)publication->keep);
	rendition_touch(same);
	rendition_add_box(same, publish_box_of(publication->header));
}

int publish(struct store *store, const struct publication *publication, struct published *published)
{
	int r = 0;
	struct generation *generation = NULL;
	struct rendition *rendition = NULL;
	uid_t owner = publication->owner;
	struct image *existing = store_find(store, publication->name, owner);
	struct image *image = existing;
	if (!image || !publish_continues(image, publication->share, publication->group))
		image = publish_make_image(store, publication, &r);
	if (!image)
		return r;
	generation = image_current(image);
	rendition = publish_find_same(generation, publication->header);
	if (rendition) {
		publish_reuse(publication, rendition);
		*published = (struct published){.rendition = rendition};
		return 1;
	}
	if (!generation || !header_source_equal(&generation->source, &publication->header->source))
		generation = generation_new(image, board_new_generation(store->board),
			&publication->header->source, publication->native, publication->type);
	r = -ENOMEM;
	if (generation && !generation_has_room(generation, publish_keep_of(image, publication)))
		r = -EMLINK;
	else if (generation && store_prepare(store) == 0)
		rendition = rendition_new(generation, publication->header);
	if (rendition)
		r = store_check_room(store, publication->bytes, owner);
	if (rendition && r == 0)
		r = publish_segment(store, publication, rendition);
	if (r < 0) {
		publish_discard(store, image, existing, generation, rendition);
		return r;
	}
	publish_commit(store, publication, existing, rendition, published);
	return 0;
}
