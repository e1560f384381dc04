/*
 * A decoder reads files of strangers and may be taken over by one, so no value of its header is
 * used before it was checked. Sizes are compared in 64 bits: a sum or product of values that passed
 * cannot overflow.
 */
#include "daemon/decode/layout.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

bool layout_is_plausible(const struct job_header *reported, enum format wanted, struct box box)
{
	uint64_t bytes = 0;
	if (reported->format != (wanted == FORMAT_NATIVE ? reported->native : wanted))
		return false;
	if (reported->full_width == 0 || reported->full_height == 0 ||
		!fit_matches(reported->width, reported->height, reported->full_width,
			reported->full_height, box))
		return false;
	if (reported->format == FORMAT_NATIVE || !format_to_string((enum format)reported->format) ||
		reported->native == FORMAT_NATIVE ||
		!format_to_string((enum format)reported->native) || reported->colour > COLOUR_ICC ||
		reported->orientation < 1 || reported->orientation > 8 ||
		reported->block_count > HEADER_BLOCKS_MAX ||
		!memchr(reported->type, '\0', sizeof(reported->type)))
		return false;
	for (uint32_t i = 0; i < reported->block_count; i++) {
		if (reported->blocks[i].size > JOB_BLOCK_BYTES_MAX)
			return false;
		bytes += reported->blocks[i].size;
	}
	return bytes <= JOB_BLOCK_BYTES_MAX;
}

static bool layout_is_too_dense(const struct header *header, uint64_t pixels_per_byte_max)
{
	uint64_t pixels_max;
	return !__builtin_mul_overflow(pixels_per_byte_max, header->source.size, &pixels_max) &&
	       (uint64_t)header->full_width * header->full_height > pixels_max;
}

bool layout_is_within(
	const struct header *header, const struct options *options, char *text, size_t size)
{
	uint32_t width = header->full_width, height = header->full_height;
	if ((uint64_t)width * height > options->max_pixels)
		snprintf(text, size,
			"%" PRIu32 " x %" PRIu32 " pixels are more than max-pixels=%" PRIu64
			"; raise it with the option --max-pixels of shmimgd",
			width, height, options->max_pixels);
	else if (layout_is_too_dense(header, options->max_pixels_per_byte))
		snprintf(text, size,
			"%" PRIu32 " x %" PRIu32 " pixels in a file of %" PRIu64
			" bytes are more than max-pixels-per-byte=%" PRIu64
			"; raise it with the option --max-pixels-per-byte of shmimgd",
			width, height, header->source.size, options->max_pixels_per_byte);
	else if (header->segment_size > options->max_bytes)
		snprintf(text, size,
			"the image needs %" PRIu64 " bytes, more than max-bytes=%" PRIu64
			"; raise it with the option --max-bytes of shmimgd",
			header->segment_size, options->max_bytes);
	else
		return true;
	return false;
}

int layout_header(struct header *header, const struct job_header *reported,
	const struct header_source *source, struct box box, size_t name_length, uint64_t page_size)
{
	*header = (struct header){
		.width = reported->width,
		.height = reported->height,
		.full_width = reported->full_width,
		.full_height = reported->full_height,
		.box_width = box.width,
		.box_height = box.height,
		.format = reported->format,
		.colour = reported->colour,
		.orientation = reported->orientation,
		.source = *source,
		.name_length = (uint32_t)name_length,
		.block_count = reported->block_count,
	};
	for (uint32_t i = 0; i < reported->block_count; i++) {
		header->blocks[i].type = reported->blocks[i].type;
		header->blocks[i].size = reported->blocks[i].size;
	}
	return header_plan(header, page_size);
}
