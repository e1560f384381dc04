/*
 * From what a decoder says of a file to the plan of its segment.
 * See plan.h for what it does and never does.
 */
#include "daemon/plan.h"

#include <string.h>

bool plan_is_plausible(const struct job_header *said, enum format wanted)
{
	uint64_t bytes = 0;
	if (said->format != (wanted == FORMAT_NATIVE ? said->native : wanted))
		return false;
	if (said->width == 0 || said->height == 0 || said->format == FORMAT_NATIVE ||
		!format_word((enum format)said->format) || said->native == FORMAT_NATIVE ||
		!format_word((enum format)said->native) || said->colour > COLOUR_ICC ||
		said->orientation < 1 || said->orientation > 8 ||
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

int plan_header(struct header *header, const struct job_header *said,
	const struct header_source *source, size_t name_length, uint64_t page_size)
{
	*header = (struct header){
		.width = said->width,
		.height = said->height,
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
