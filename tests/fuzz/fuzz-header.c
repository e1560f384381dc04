/*
 * Fuzzes the check and the layout of segment headers. An input is the size of the segment (8
 * bytes), a byte of switches, and the header, to which zeros are added. A header that passes the
 * check must lie inside the segment, and a planned header must pass the check.
 */
#include "client/protocol/header.h"
#include "client/protocol/name.h"
#include "tests/fuzz/checksum.h"
#include "tests/fuzz/target.h"

enum { SWITCH_CHECKSUM = 1, SWITCH_SIZE = 2, PAGES = 3 };

static const uint64_t page_sizes[PAGES] = {4096, 16384, 65536};

static void seal(struct header *header)
{
	header->checksum = 0;
	header->checksum = checksum_of((const uint8_t *)header, sizeof(*header));
}

static void is_inside(uint64_t offset, uint64_t size, const struct header *header)
{
	must(offset <= header->segment_size && size <= header->segment_size - offset);
}

/* What a reader of a segment goes by. */
static void read_as_told(const struct header *header)
{
	unsigned bytes = format_pixel_bytes((enum format)header->format);
	must(bytes > 0 && header->width > 0 && header->height > 0);
	must((uint64_t)header->width * bytes <= header->stride);
	must(header->pixel_size / header->height == header->stride);
	must(header->pixel_offset >= HEADER_SIZE);
	is_inside(header->pixel_offset, header->pixel_size, header);
	must(header->block_count <= HEADER_BLOCKS_MAX);
	for (uint32_t i = 0; i < header->block_count; i++)
		is_inside(header->blocks[i].offset, header->blocks[i].size, header);
	must(header->name_length >= 1 && header->name_length <= NAME_LENGTH_MAX);
	is_inside(header->name_offset, header->name_length, header);
}

/* Plans a header from the fields that its maker sets, which plan.c has checked. */
static void plan(const struct header *given, uint64_t page_size)
{
	struct header header = *given;
	header.width = header.width ? header.width : 1;
	header.height = header.height ? header.height : 1;
	if (header.full_width < header.width)
		header.full_width = header.width;
	if (header.full_height < header.height)
		header.full_height = header.height;
	header.format = 1 + header.format % (FORMAT_COUNT - 1);
	header.orientation = 1 + header.orientation % 8;
	header.colour %= COLOUR_ICC + 1;
	header.block_count %= HEADER_BLOCKS_MAX + 1;
	header.name_length = 1 + header.name_length % NAME_LENGTH_MAX;
	if (header_plan(&header, page_size) < 0)
		return;
	must(header.pixel_offset % page_size == 0 && header.segment_size % page_size == 0);
	header_seal(&header);
	const char *fault = header_check(&header, header.segment_size);
	if (fault)
		fprintf(stderr, "%s\n", fault);
	must(!fault);
	must(header_check(&header, header.segment_size + 1));
	read_as_told(&header);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = {data, size};
	struct header header;
	uint64_t segment_size;
	take_bytes(&input, &segment_size, sizeof(segment_size));
	uint8_t switches = take_byte(&input);
	take_bytes(&input, &header, sizeof(header));
	if (switches & SWITCH_SIZE)
		header.segment_size = segment_size;
	if (switches & SWITCH_CHECKSUM)
		seal(&header);
	const char *fault = header_check(&header, segment_size);
	if (!fault)
		read_as_told(&header);
	plan(&header, page_sizes[(switches >> 2) % PAGES]);
	return 0;
}
