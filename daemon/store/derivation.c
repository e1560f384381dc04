/*
 * Derivation.
 */
#include "daemon/store/derivation.h"

#include <string.h>
#include <unistd.h>

#include "daemon/base/cleanup.h"
#include "daemon/engine/load.h"
#include "daemon/store/publish.h"

/* How much smaller a JPEG file is decoded sooner than its pixels are read again. */
enum { JPEG_REDUCTION = 2 };

/*
 * The picture as it is to be is scaled once: from the whole, or not at all. The codec of JPEG
 * has a way of its own to decode less than all there is.
 */
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

/* The one with the fewest bytes to read. */
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

/* Returns a descriptor, or -1 when it is to be the file. */
static int derivation_open_origin(const struct load *load)
{
	const struct load_order *order = &load->order;
	const struct image *image = store_find(&load->engine->store, order->name, order->owner);
	const struct generation *generation = image ? image_current(image) : NULL;
	if (load->from_file || !generation ||
		!header_source_equal(&generation->source, &order->source))
		return -1;
	enum format format = order->format == FORMAT_NATIVE ? generation->native : order->format;
	const struct rendition *rendition = derivation_find(generation, format, order->box);
	int fd = rendition ? segment_open(rendition->segment) : -1;
	return fd < 0 ? -1 : fd;
}

/* What is in memory now, and was not when it was asked for, is of use, too. */
void derivation_begin(struct load *load)
{
	struct job *job = &load->job;
	derivation_end(load);
	load->origin = derivation_open_origin(load);
	bool derived = load->origin >= 0;
	job->input = derived ? load->origin : load->order.input;
	job->source = derived ? JOB_SOURCE_SEGMENT : JOB_SOURCE_FILE;
	load->engine->counters.derived += derived;
}

bool derivation_end(struct load *load)
{
	if (load->origin < 0)
		return false;
	close(take_fd(&load->origin));
	return true;
}
