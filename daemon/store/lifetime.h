/*
 * The lifetime of images: their names and pins, and with them which images, generations and
 * renditions stay in memory, which may be evicted, and when a segment is freed.
 */
#pragma once

#include "daemon/store/store.h"

/* Drops all images. No pins may be left. */
void store_destroy(struct store *store);

/* Makes an image findable, after store_prepare(). */
void image_insert(struct store *store, struct image *image);

/* Takes the name from an image at once; its pixels go with its last pin. */
void image_drop(struct store *store, struct image *image);

/* Changes how long an image stays. */
void image_set_keep(struct image *image, enum keep keep);

/* Sets whether the next generation of an image is being decoded. Until then it is not evicted. */
void image_set_refreshing(struct image *image, bool refreshing);

/* Makes an image the last that is evicted, because it was used. */
void image_touch(struct image *image);

/*
 * The least recently used evictable image of an owner, or of all owners with account NULL. Returns
 * NULL when there is none.
 */
struct image *image_oldest_evictable(const struct store *store, const struct account *account);

/* Counts a pin. Removing the last one may free the rendition, the generation and the image. */
void image_pin(struct pin *pin, struct rendition *rendition);
void image_unpin(struct pin *pin);

/* Frees all renditions of an image but one, unless the image is pinned. */
void image_shrink(struct image *image, const struct rendition *kept);

/*
 * After an image lost its name or got a new generation: frees the renditions of the generation that
 * cannot be found any more, if they have no pin, then the image when none is left.
 */
void image_collect(struct image *image);

/* Adds a rendition. They are in the order of their formats, the largest of a format first. */
void generation_add(struct generation *generation, struct rendition *rendition);

/*
 * Whether a generation may have one more rendition once its image is kept this way: it has fewer
 * than RENDITIONS_MAX, or one without pins can be replaced. With keep=pinned none is replaced.
 */
bool generation_has_room(const struct generation *generation, enum keep keep);

/* Frees the rendition to be replaced, if one must be. generation_has_room() was true. */
void generation_make_room(struct generation *generation, enum keep keep);

/* Notes that a rendition was used. */
void rendition_touch(struct rendition *rendition);
