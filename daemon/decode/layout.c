/*
 * From what a decoder says of a file to the plan of its segment.
 */
#include "daemon/decode/layout.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

bool layout_is_plausible(const struct job_header *said, enum format wanted, struct box box)
{
	uint64_t bytes = 0;
	if (said->format != (wanted == FORMAT_NATIVE ? said->native : wanted))
		return false;
	if (said->full_width == 0 || said->full_height == 0 ||
		!fit_matches(said->width, said->height, said->full_width, said->full_height, box))
		return false;
	if (said->format == FORMAT_NATIVE || !format_to_string((enum format)said->format) ||
		said->native == FORMAT_NATIVE || !format_to_string((enum format)said->native) ||
		said->colour > COLOUR_ICC || said->orientation < 1 || said->orientation > 8 ||
		said->block_count > HEADER_BLOCKS_MAX ||
		!memchr(said->type, '\0', sizeof(said->type)))
		return false;
	for (uint32_t i = 0; i < said->block_count; i++) {
		if (said->blocks[i].size > JOB_BLOCK_BYTES_MAX)
			return false;
		bytes += said->blocks[i].size;
	}
	return bytes <= JOB_BLOCK_BYTES_MAX;
}

static bool layout_is_too_dense(const struct header *header, uint64_t most)
{
	uint64_t allowed;
	return !__builtin_mul_overflow(most, header->source.size, &allowed) &&
	       (uint64_t)header->full_width * header->full_height > allowed;
}

bool layout_is_within(
	const struct header *header, const struct options *options, char *text, size_t size)
{
	uint32_t width = header->full_width, height = header->full_height;
	if ((uint64_t)width * height > options->max_pixels)
		snprintf(text, size,
			"%" PRIu32 " x %" PRIu32 " pixels are more than max-pixels=%" PRIu64
			"; the option --max-pixels of shmimgd raises that",
			width, height, options->max_pixels);
	else if (layout_is_too_dense(header, options->max_pixels_per_byte))
		snprintf(text, size,
			"%" PRIu32 " x %" PRIu32 " pixels in a file of %" PRIu64
			" bytes are more than max-pixels-per-byte=%" PRIu64
			"; the option --max-pixels-per-byte of shmimgd raises that",
			width, height, header->source.size, options->max_pixels_per_byte);
	else if (header->segment_size > options->max_bytes)
		snprintf(text, size,
			"the image needs %" PRIu64 " bytes, more than max-bytes=%" PRIu64
			"; the option --max-bytes of shmimgd raises that",
			header->segment_size, options->max_bytes);
	else
		return true;
	return false;
}

int layout_header(struct header *header, const struct job_header *said,
	const struct header_source *source, struct box box, size_t name_length, uint64_t page_size)
{
	*header = (struct header){
		.width = said->width,
		.height = said->height,
		.full_width = said->full_width,
		.full_height = said->full_height,
		.box_width = box.width,
		.box_height = box.height,
		.format = said->format,
		.colour = said->colour,
		.orientation = said->orientation,
		.source = *source,
		.name_length = (uint32_t)name_length,
		.block_count = said->block_count,
	};
	for (uint32_t i = 0; i < said->block_count; i++) {
		header->blocks[i].type = said->blocks[i].type;
		header->blocks[i].size = said->blocks[i].size;
	}
	return header_plan(header, page_size);
}
