/*
 * Images in memory.
 */
#include "daemon/store/image.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
	TAILQ_INIT(&rendition->pins);
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

void generation_insert(struct generation *generation, struct rendition *rendition)
{
	struct rendition *next = TAILQ_FIRST(&generation->renditions);
	while (next && image_is_before(next, rendition))
		next = TAILQ_NEXT(next, link);
	if (next)
		TAILQ_INSERT_BEFORE(next, rendition, link);
	else
		TAILQ_INSERT_TAIL(&generation->renditions, rendition, link);
	generation->count++;
}

bool rendition_matches(const struct rendition *rendition, int format, const struct box *box)
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
		if (rendition_matches(rendition, (int)format, &box))
			return rendition;
	}
	return NULL;
}

/* Renditions are in the order of formats, so the first of the largest has the first format. */
struct rendition *generation_choose(
	const struct generation *generation, int format, const struct box *box)
{
	struct rendition *rendition, *best = NULL;
	TAILQ_FOREACH (rendition, &generation->renditions, link) {
		if (rendition_matches(rendition, format, box) &&
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

void rendition_add_box(struct rendition *rendition, struct box box)
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
