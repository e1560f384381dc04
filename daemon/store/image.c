/*
 * Images in memory: pins, and what becomes of a rendition that nobody holds.
 */
#include "daemon/store/image.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/store/store.h"

struct image *image_new(
	struct store *store, const char *name, uid_t owner, enum share share, gid_t group)
{
	struct image *image = calloc(1, sizeof(*image) + strlen(name) + 1);
	if (!image)
		return NULL;
	image->name = strcpy(image->text, name);
	TAILQ_INIT(&image->generations);
	image->store = store;
	image->owner = owner;
	image->share = share;
	image->group = group;
	return image;
}

void image_free(struct image *image)
{
	if (image)
		charge_refund(&image->charge);
	free(image);
}

struct generation *generation_new(struct image *image, uint64_t number,
	const struct header_source *source, enum format native, const char *type)
{
	struct generation *generation = calloc(1, sizeof(*generation));
	if (!generation)
		return NULL;
	TAILQ_INIT(&generation->renditions);
	generation->image = image;
	generation->number = number;
	generation->source = *source;
	generation->native = native;
	snprintf(generation->type, sizeof(generation->type), "%s", type);
	return generation;
}

struct rendition *rendition_new(struct generation *generation, const struct header *header)
{
	struct rendition *rendition = calloc(1, sizeof(*rendition));
	if (!rendition)
		return NULL;
	LIST_INIT(&rendition->pins);
	rendition->generation = generation;
	rendition->segment_size = header->segment_size;
	rendition->pixel_offset = header->pixel_offset;
	rendition->stride = header->stride;
	rendition->width = header->width;
	rendition->height = header->height;
	rendition->full_width = header->full_width ? header->full_width : header->width;
	rendition->full_height = header->full_height ? header->full_height : header->height;
	rendition->boxes[rendition->box_count++] =
		(struct box){header->box_width, header->box_height};
	rendition->orientation = header->orientation;
	rendition->format = (enum format)header->format;
	return rendition;
}

void image_set_keep(struct image *image, enum keep keep)
{
	image->keep = keep;
	board_note_keep(image->store->board, image->slot, (uint8_t)keep);
	idle_note(image);
}

struct generation *image_current(const struct image *image)
{
	return image->named ? TAILQ_FIRST(&image->generations) : NULL;
}

static uint64_t image_pixels(const struct rendition *rendition)
{
	return (uint64_t)rendition->width * rendition->height;
}

static bool image_is_before(const struct rendition *a, const struct rendition *b)
{
	return a->format < b->format ||
	       (a->format == b->format && image_pixels(a) > image_pixels(b));
}

void generation_add(struct generation *generation, struct rendition *rendition)
{
	struct rendition *next = TAILQ_FIRST(&generation->renditions);
	while (next && image_is_before(next, rendition))
		next = TAILQ_NEXT(next, link);
	if (next)
		TAILQ_INSERT_BEFORE(next, rendition, link);
	else
		TAILQ_INSERT_TAIL(&generation->renditions, rendition, link);
	generation->count++;
	rendition_touch(rendition);
	generation->image->store->rendition_count++;
	generation->image->bytes += rendition->segment_size;
	idle_note(generation->image);
}

bool rendition_is_meant(const struct rendition *rendition, int format, const struct box *box)
{
	return (format < 0 || (int)rendition->format == format) &&
	       (!box || fit_matches(rendition->width, rendition->height, rendition->full_width,
				rendition->full_height, *box));
}

struct rendition *generation_find(
	const struct generation *generation, enum format format, struct box box)
{
	struct rendition *rendition;
	TAILQ_FOREACH (rendition, &generation->renditions, link) {
		if (rendition_is_meant(rendition, (int)format, &box))
			return rendition;
	}
	return NULL;
}

/* RGBA8 is the first format. */
struct rendition *generation_choose(
	const struct generation *generation, int format, const struct box *box)
{
	struct rendition *rendition, *best = NULL;
	TAILQ_FOREACH (rendition, &generation->renditions, link) {
		if (rendition_is_meant(rendition, format, box) &&
			(!best || image_pixels(rendition) > image_pixels(best)))
			best = rendition;
	}
	return best;
}

bool rendition_is_smaller(const struct rendition *rendition)
{
	return rendition->width != rendition->full_width ||
	       rendition->height != rendition->full_height;
}

void rendition_touch(struct rendition *rendition)
{
	rendition->used = ++rendition->generation->image->store->clock;
}

void rendition_note_box(struct rendition *rendition, struct box box)
{
	struct box *boxes = rendition->boxes;
	for (unsigned i = 0; i < rendition->box_count; i++) {
		if (boxes[i].width == box.width && boxes[i].height == box.height)
			return;
	}
	if (rendition->box_count == RENDITION_BOXES)
		memmove(boxes + 1, boxes + 2, (--rendition->box_count - 1) * sizeof(*boxes));
	boxes[rendition->box_count++] = box;
}

static void image_free_rendition(struct rendition *rendition)
{
	struct generation *generation = rendition->generation;
	struct image *image = generation->image;
	struct store *store = image->store;
	image->bytes -= rendition->segment_size;
	idle_note(image);
	if (!store->board->left)
		segment_remove(rendition->segment, image->name, image->owner, store->deferred_free);
	store_refund(store, &rendition->bytes);
	store->rendition_count--;
	generation->count--;
	TAILQ_REMOVE(&generation->renditions, rendition, link);
	free(rendition->description);
	free(rendition);
}

/* The rendition that goes for one more: nobody has it, and it was wanted longest ago. */
static struct rendition *image_find_spare(const struct generation *generation, enum keep keep)
{
	struct rendition *rendition, *spare = NULL;
	if (keep == KEEP_PINNED)
		return NULL;
	TAILQ_FOREACH (rendition, &generation->renditions, link) {
		if (rendition->pin_count == 0 && (!spare || rendition->used < spare->used))
			spare = rendition;
	}
	return spare;
}

bool generation_has_room(const struct generation *generation, enum keep keep)
{
	return generation->count < RENDITIONS_MAX || image_find_spare(generation, keep);
}

void generation_make_room(struct generation *generation, enum keep keep)
{
	if (generation->count >= RENDITIONS_MAX)
		image_free_rendition(image_find_spare(generation, keep));
}

void image_shrink(struct image *image, const struct rendition *left)
{
	struct rendition *rendition = TAILQ_FIRST(&left->generation->renditions);
	while (image->pin_count == 0 && rendition) {
		struct rendition *next = TAILQ_NEXT(rendition, link);
		if (rendition != left)
			image_free_rendition(rendition);
		rendition = next;
	}
}

/* Frees the unpinned renditions of a generation, and itself when none is left. */
static void image_free_unpinned(struct generation *generation)
{
	struct rendition *rendition = TAILQ_FIRST(&generation->renditions);
	while (rendition) {
		struct rendition *next = TAILQ_NEXT(rendition, link);
		if (rendition->pin_count == 0)
			image_free_rendition(rendition);
		rendition = next;
	}
	if (!TAILQ_EMPTY(&generation->renditions))
		return;
	TAILQ_REMOVE(&generation->image->generations, generation, link);
	free(generation);
}

void image_settle(struct image *image)
{
	struct generation *current = image_current(image);
	struct generation *generation = TAILQ_FIRST(&image->generations);
	while (generation) {
		struct generation *next = TAILQ_NEXT(generation, link);
		if (generation != current)
			image_free_unpinned(generation);
		generation = next;
	}
	if (image->named || !TAILQ_EMPTY(&image->generations))
		return;
	semaphore_put(image->store->semaphores, &image->semaphore);
	board_put_slot(image->store->board, image->slot);
	image_free(image);
}

void image_pin(struct pin *pin, struct rendition *rendition)
{
	pin->rendition = rendition;
	LIST_INSERT_HEAD(&rendition->pins, pin, link);
	rendition->pin_count++;
	rendition_touch(rendition);
	rendition->generation->image->pin_count++;
	idle_note(rendition->generation->image);
}

void image_unpin(struct pin *pin)
{
	struct rendition *rendition = pin->rendition;
	struct image *image = rendition->generation->image;
	LIST_REMOVE(pin, link);
	rendition->pin_count--;
	image->pin_count--;
	idle_note(image);
	if (image->pin_count == 0 && image->named && image->keep == KEEP_ATTACHED) {
		observers_notify_change(&image->store->observers, image, CHANGE_DROPPED);
		store_drop(image->store, image);
	} else if (rendition->pin_count == 0) {
		image_settle(image);
	}
}
