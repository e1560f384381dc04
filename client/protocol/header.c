/*
 * Page 0 of a segment.
 */
#include "client/protocol/header.h"

#include <errno.h>
#include <string.h>

#include "client/protocol/name.h"

/*
 * CRC-32 of ISO 3309, as in zlib and PNG, four bytes at a time. A CRC is linear: the value of a
 * byte is the exclusive or of the values of its bits, from which the compiler makes the tables.
 * Table n is for a byte that n others follow.
 */
#define HEADER_CRC_2(v, a)	     (v), (v) ^ (a)
#define HEADER_CRC_4(v, a, b)	     HEADER_CRC_2(v, a), HEADER_CRC_2((v) ^ (b), a)
#define HEADER_CRC_8(v, a, b, c)     HEADER_CRC_4(v, a, b), HEADER_CRC_4((v) ^ (c), a, b)
#define HEADER_CRC_16(v, a, b, c, d) HEADER_CRC_8(v, a, b, c), HEADER_CRC_8((v) ^ (d), a, b, c)
#define HEADER_CRC_32(v, a, b, c, d, e) \
	HEADER_CRC_16(v, a, b, c, d), HEADER_CRC_16((v) ^ (e), a, b, c, d)
#define HEADER_CRC_64(v, a, b, c, d, e, f) \
	HEADER_CRC_32(v, a, b, c, d, e), HEADER_CRC_32((v) ^ (f), a, b, c, d, e)
#define HEADER_CRC_128(v, a, b, c, d, e, f, g) \
	HEADER_CRC_64(v, a, b, c, d, e, f), HEADER_CRC_64((v) ^ (g), a, b, c, d, e, f)
#define HEADER_CRC_256(v, a, b, c, d, e, f, g, h) \
	HEADER_CRC_128(v, a, b, c, d, e, f, g), HEADER_CRC_128((v) ^ (h), a, b, c, d, e, f, g)

static const uint32_t header_crc_tables[4][256] = {
	{HEADER_CRC_256(0, 0x77073096, 0xee0e612c, 0x076dc419, 0x0edb8832, 0x1db71064, 0x3b6e20c8,
		0x76dc4190, 0xedb88320)},
	{HEADER_CRC_256(0, 0x191b3141, 0x32366282, 0x646cc504, 0xc8d98a08, 0x4ac21251, 0x958424a2,
		0xf0794f05, 0x3b83984b)},
	{HEADER_CRC_256(0, 0x01c26a37, 0x0384d46e, 0x0709a8dc, 0x0e1351b8, 0x1c26a370, 0x384d46e0,
		0x709a8dc0, 0xe1351b80)},
	{HEADER_CRC_256(0, 0xb8bc6765, 0xaa09c88b, 0x8f629757, 0xc5b428ef, 0x5019579f, 0xa032af3e,
		0x9b14583d, 0xed59b63b)},
};

static uint32_t header_crc32_of(const void *data, size_t size)
{
	const uint32_t(*tables)[256] = header_crc_tables;
	const unsigned char *bytes = data, *end = bytes + size;
	uint32_t crc = 0xffffffff;
	for (; end - bytes >= 4; bytes += 4)
		crc = tables[3][bytes[0] ^ (crc & 0xff)] ^ tables[2][bytes[1] ^ (crc >> 8 & 0xff)] ^
		      tables[1][bytes[2] ^ (crc >> 16 & 0xff)] ^ tables[0][bytes[3] ^ crc >> 24];
	for (; bytes < end; bytes++)
		crc = crc >> 8 ^ tables[0][*bytes ^ (crc & 0xff)];
	return ~crc;
}

static uint32_t header_checksum_of(const struct header *header)
{
	struct header copy = *header;
	copy.checksum = 0;
	return header_crc32_of(&copy, sizeof(copy));
}

/* Rounds up to a multiple of a power of two. The caller ensures that it does not overflow. */
static uint64_t header_align(uint64_t value, uint64_t to)
{
	return (value + to - 1) & ~(to - 1);
}

/* Places size bytes, aligned, at *end, and moves *end behind them. Returns their offset. */
static uint64_t header_place(uint64_t *end, uint64_t size, uint64_t to, bool *overflow)
{
	uint64_t offset = header_align(*end, to);
	if (offset > INT64_MAX || size > INT64_MAX - offset) {
		*overflow = true;
		return 0;
	}
	*end = offset + size;
	return offset;
}

int header_plan(struct header *header, uint64_t page_size)
{
	uint64_t row = (uint64_t)header->width * format_pixel_bytes((enum format)header->format);
	header->stride = header_align(row, HEADER_ROW_ALIGN);
	if (__builtin_mul_overflow(header->stride, header->height, &header->pixel_size))
		return -EOVERFLOW;
	bool overflow = false;
	uint64_t end = HEADER_SIZE;
	header->pixel_offset = header_place(&end, header->pixel_size, page_size, &overflow);
	for (uint32_t i = 0; i < header->block_count && i < HEADER_BLOCKS_MAX; i++) {
		struct header_block *block = &header->blocks[i];
		block->offset = header_place(&end, block->size, HEADER_ROW_ALIGN, &overflow);
	}
	header->name_offset =
		header->name_length <= sizeof(header->name)
			? HEADER_NAME_OFFSET
			: header_place(&end, header->name_length, HEADER_ROW_ALIGN, &overflow);
	header_place(&end, 0, page_size, &overflow);
	header->segment_size = header_align(end, page_size);
	return overflow ? -EOVERFLOW : 0;
}

void header_begin(struct header *header)
{
	memcpy(header->magic, HEADER_MAGIC, sizeof(header->magic));
	header->version = HEADER_VERSION;
	header->header_size = HEADER_SIZE;
	header->fourcc = format_fourcc((enum format)header->format);
}

void header_seal(struct header *header)
{
	header_begin(header);
	header->checksum = header_checksum_of(header);
}

static bool header_inside(uint64_t offset, uint64_t size, uint64_t from, uint64_t end)
{
	return offset >= from && offset <= end && size <= end - offset;
}

static const char *header_check_pixels(const struct header *header)
{
	unsigned bytes = format_pixel_bytes((enum format)header->format);
	if (bytes == 0 || header->fourcc != format_fourcc((enum format)header->format))
		return "the format is unknown";
	if (header->width == 0 || header->height == 0)
		return "the image has no pixels";
	uint64_t size;
	if (header->stride % HEADER_ROW_ALIGN || header->stride / bytes < header->width ||
		__builtin_mul_overflow(header->stride, header->height, &size) ||
		size != header->pixel_size)
		return "the stride does not fit the width and height";
	if (!header_inside(header->pixel_offset, size, HEADER_SIZE, header->segment_size))
		return "the pixels are not inside the segment";
	/* Both are 0 in segments of daemons that did not scale pictures. */
	bool is_whole = header->full_width == 0 && header->full_height == 0;
	if (!is_whole &&
		(header->full_width < header->width || header->full_height < header->height))
		return "the whole picture is smaller than its pixels";
	if (header->orientation < 1 || header->orientation > 8 || header->colour > COLOUR_ICC)
		return "the orientation or colour space is unknown";
	return NULL;
}

static const char *header_check_extras(const struct header *header)
{
	uint64_t pixel_end = header->pixel_offset + header->pixel_size;
	if (header->block_count > HEADER_BLOCKS_MAX)
		return "there are too many metadata blocks";
	for (uint32_t i = 0; i < header->block_count; i++) {
		const struct header_block *block = &header->blocks[i];
		if (!header_inside(block->offset, block->size, pixel_end, header->segment_size))
			return "a metadata block is not between the pixels and the end of the "
			       "segment";
	}
	bool in_page = header_inside(
		header->name_offset, header->name_length, HEADER_NAME_OFFSET, HEADER_SIZE);
	if (!in_page && !header_inside(header->name_offset, header->name_length, pixel_end,
				header->segment_size))
		return "the name is not inside the segment";
	if (header->name_length == 0 || header->name_length > NAME_LENGTH_MAX)
		return "the name is empty or too long";
	return NULL;
}

const char *header_check(const struct header *header, uint64_t segment_size)
{
	if (memcmp(header->magic, HEADER_MAGIC, sizeof(header->magic)) != 0)
		return "not a shmimgd segment";
	if (header->version != HEADER_VERSION || header->header_size != HEADER_SIZE)
		return "the layout version is unknown";
	if (header->checksum != header_checksum_of(header))
		return "the header's checksum is wrong";
	if (header->segment_size != segment_size || segment_size > INT64_MAX)
		return "the segment's size differs from its header";
	const char *fault = header_check_pixels(header);
	return fault ? fault : header_check_extras(header);
}

bool header_source_equal(const struct header_source *a, const struct header_source *b)
{
	return a->device == b->device && a->inode == b->inode && a->size == b->size &&
	       a->mtime_seconds == b->mtime_seconds &&
	       a->mtime_nanoseconds == b->mtime_nanoseconds &&
	       a->ctime_seconds == b->ctime_seconds && a->ctime_nanoseconds == b->ctime_nanoseconds;
}
