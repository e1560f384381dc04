/*
 * Renditions in answers.
 *
 * The keys from name to slot are most of the work of a FETCH, so they are written once and
 * kept with the rendition.
 */
#include "daemon/command/describe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void describe_write(struct wire_writer *line, const struct rendition *rendition)
{
	const struct generation *generation = rendition->generation;
	const struct image *image = generation->image;
	char semaphore[32];
	snprintf(
		semaphore, sizeof(semaphore), "%d:%u", image->semaphore.id, image->semaphore.index);
	wire_add(line, "name", image->name);
	wire_add(line, "segment", rendition->segment);
	wire_add_number(line, "size", rendition->segment_size);
	wire_add_number(line, "offset", rendition->pixel_offset);
	wire_add_number(line, "width", rendition->width);
	wire_add_number(line, "height", rendition->height);
	wire_add_number(line, "stride", rendition->stride);
	wire_add(line, "format", format_to_string(rendition->format));
	wire_add_number(line, "generation", generation->number);
	wire_add(line, "semaphore", semaphore);
	wire_add_number(line, "slot", image->slot);
}

/* Without memory to keep the keys, they are written anew each time. */
void describe_rendition(struct wire_writer *line, struct rendition *rendition)
{
	if (rendition->description) {
		wire_add_fields(line, rendition->description, rendition->description_size);
		return;
	}
	size_t before = line->length;
	describe_write(line, rendition);
	if (line->full)
		return;
	rendition->description_size = (unsigned)(line->length - before);
	rendition->description = malloc(rendition->description_size);
	if (rendition->description)
		memcpy(rendition->description, line->data + before, rendition->description_size);
}

void describe_change(struct wire_writer *line, const struct rendition *rendition)
{
	if (rendition->orientation != 1)
		wire_add_number(line, "orientation", rendition->orientation);
	describe_whole(line, rendition);
}

void describe_whole(struct wire_writer *line, const struct rendition *rendition)
{
	if (!rendition_is_smaller(rendition))
		return;
	wire_add_number(line, "full-width", rendition->full_width);
	wire_add_number(line, "full-height", rendition->full_height);
}

int describe_pass_segment(struct reply *reply, const struct rendition *rendition)
{
	int fd = segment_open(rendition->segment);
	if (fd < 0)
		return fd;
	reply_pass(reply, fd);
	return 0;
}
