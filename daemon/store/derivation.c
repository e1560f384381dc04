/*
 * Derivation.
 *
 * A rendition must look the same whether it is made from the file or from memory. So a picture is
 * never scaled twice: a smaller rendition is derived from one of full size, else the file is
 * decoded. A JPEG file can be decoded at a fraction of its size, which is faster than reading all
 * pixels in memory, so a much smaller rendition is made from the file.
 */
#include "daemon/store/derivation.h"

#include <errno.h>
#include <string.h>

#include "daemon/segment/segment.h"

/* From this factor on, decoding a JPEG file at a smaller size is faster than reading its pixels. */
enum { JPEG_REDUCTION = 2 };

static bool derivation_has_enough(const struct rendition *rendition, struct box box)
{
	uint32_t width = rendition->full_width, height = rendition->full_height;
	fit_inside(&width, &height, box.width, box.height);
	if (rendition->width == width && rendition->height == height)
		return true;
	return !rendition_is_smaller(rendition) &&
	       (strcmp(rendition->generation->type, "JPEG") != 0 ||
		       rendition->width / JPEG_REDUCTION < width);
}

/* The suitable rendition with the fewest bytes to read, or NULL. */
static const struct rendition *derivation_find(
	const struct generation *generation, enum format format, struct box box)
{
	const struct rendition *rendition, *best = NULL;
	TAILQ_FOREACH (rendition, &generation->renditions, link) {
		if (format_keeps(rendition->format, format, generation->native) &&
			derivation_has_enough(rendition, box) &&
			(!best || rendition->segment_size < best->segment_size))
			best = rendition;
	}
	return best;
}

int derivation_open(struct store *store, const struct derivation *derivation)
{
	const struct image *image = store_find(store, derivation->name, derivation->owner);
	const struct generation *generation = image ? image_current(image) : NULL;
	if (!generation || !header_source_equal(&generation->source, derivation->source))
		return -ENOENT;
	enum format format =
		derivation->format == FORMAT_NATIVE ? generation->native : derivation->format;
	const struct rendition *rendition = derivation_find(generation, format, derivation->box);
	return rendition ? segment_open(rendition->segment) : -ENOENT;
}
