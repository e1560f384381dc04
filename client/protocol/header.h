/*
 * Page 0 of a segment: its layout, as shmimg-segment(5) describes it, the computation of its
 * offsets, and the check that every reader does first. Does no input or output.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/protocol/format.h"

#define HEADER_MAGIC   "SHMIMG\r\n"
#define HEADER_VERSION 1u

enum {
	HEADER_SIZE = 4096,	 /* bytes of the header, for every page size */
	HEADER_ROW_ALIGN = 64,	 /* each row begins at a multiple of this */
	HEADER_BLOCKS_MAX = 8,	 /* metadata blocks */
	HEADER_NAME_OFFSET = 512 /* where the name is, if it fits into the rest of page 0 */
};

/* Types of metadata blocks. */
#define BLOCK_ICC FOURCC('I', 'C', 'C', ' ') /* an ICC profile (ISO 15076-1) */
#define BLOCK_EXIF \
	FOURCC('E', 'X', 'I', 'F') /* EXIF, beginning with its TIFF header (CIPA DC-008) */

enum colour_space {
	COLOUR_UNSPECIFIED = 0, /* the file does not say; readers assume sRGB */
	COLOUR_SRGB = 1,	/* the file says sRGB */
	COLOUR_ICC = 2,		/* the ICC block describes it */
};

/* The identity of the file when it was decoded, from statx(2). */
struct header_source {
	uint64_t device; /* as of makedev(3) */
	uint64_t inode;
	uint64_t size; /* bytes */
	int64_t mtime_seconds;
	int64_t ctime_seconds;
	uint32_t mtime_nanoseconds;
	uint32_t ctime_nanoseconds;
};

struct header_block {
	uint32_t type;
	uint32_t reserved;
	uint64_t offset; /* from the segment's start */
	uint64_t size;	 /* bytes */
};

/* All numbers are in the machine's byte order; offsets and sizes are bytes. */
struct header {
	char magic[8];
	uint32_t version;
	uint32_t header_size;
	uint64_t segment_size;
	uint64_t pixel_offset; /* multiple of the page size */
	uint64_t pixel_size;   /* stride x height */
	uint64_t stride;       /* multiple of HEADER_ROW_ALIGN */
	uint32_t width;	       /* pixels */
	uint32_t height;       /* rows */
	uint32_t format;       /* enum format */
	uint32_t fourcc;
	uint32_t colour;      /* enum colour_space */
	uint32_t orientation; /* EXIF orientation that was applied, 1 to 8; 1: none */
	uint64_t generation;
	uint32_t owner; /* uid */
	uint32_t slot;	/* in the board */
	int32_t semaphore_id;
	uint32_t semaphore_index;
	struct header_source source;
	uint64_t name_offset; /* the name has no NUL at its end */
	uint32_t name_length;
	uint32_t block_count;
	struct header_block blocks[HEADER_BLOCKS_MAX];
	uint32_t checksum; /* CRC-32 of the 4096 bytes with this field 0 */
	/* For the next daemon, if this one is killed. */
	uint32_t share;	 /* enum share */
	uint32_t group;	 /* gid that a group share is for */
	uint32_t keep;	 /* enum keep */
	uint32_t native; /* enum format nearest to the file */
	char type[8];	 /* of the file, such as "JPEG", with a NUL at its end */
	/* The size of the whole picture. The pixels may be scaled down from it. */
	uint32_t full_width;
	uint32_t full_height;
	uint32_t box_width; /* the requested box, for the next daemon; 0: no limit */
	uint32_t box_height;
	uint32_t padding;
	uint64_t seal; /* of the daemon that wrote the header, for the next one */
	uint32_t reserved[26];
	char name[HEADER_SIZE - HEADER_NAME_OFFSET];
};

#define AT(member, offset) \
	_Static_assert(offsetof(struct header, member) == (offset), #member " has moved")
AT(magic, 0);
AT(version, 8);
AT(header_size, 12);
AT(segment_size, 16);
AT(pixel_offset, 24);
AT(pixel_size, 32);
AT(stride, 40);
AT(width, 48);
AT(height, 52);
AT(format, 56);
AT(fourcc, 60);
AT(colour, 64);
AT(orientation, 68);
AT(generation, 72);
AT(owner, 80);
AT(slot, 84);
AT(semaphore_id, 88);
AT(semaphore_index, 92);
AT(source.device, 96);
AT(source.inode, 104);
AT(source.size, 112);
AT(source.mtime_seconds, 120);
AT(source.ctime_seconds, 128);
AT(source.mtime_nanoseconds, 136);
AT(source.ctime_nanoseconds, 140);
AT(name_offset, 144);
AT(name_length, 152);
AT(block_count, 156);
AT(blocks, 160);
AT(checksum, 352);
AT(share, 356);
AT(group, 360);
AT(keep, 364);
AT(native, 368);
AT(type, 372);
AT(full_width, 380);
AT(full_height, 384);
AT(box_width, 388);
AT(box_height, 392);
AT(padding, 396);
AT(seal, 400);
AT(reserved, 408);
AT(name, HEADER_NAME_OFFSET);
#undef AT
_Static_assert(sizeof(struct header_block) == 24, "a block's entry has 24 bytes");
_Static_assert(sizeof(struct header) == HEADER_SIZE, "the header has 4096 bytes");

/*
 * Computes all offsets and sizes of a segment from width, height, format, name_length,
 * block_count and the types and sizes of the blocks. page_size is a power of two. Returns 0, or
 * -EOVERFLOW if a size exceeds INT64_MAX.
 */
int header_plan(struct header *header, uint64_t page_size);

/* Sets magic, version and the fields that follow from others, but not the checksum. */
void header_begin(struct header *header);

/* As header_begin(), and sets the checksum. All other fields must be set before. */
void header_seal(struct header *header);

/*
 * Checks a header against the size of its segment: magic, version, checksum, format, and that
 * every offset is inside the segment.
 * Returns NULL, or a description of the fault in English (a static string).
 */
const char *header_check(const struct header *header, uint64_t segment_size);

/* Whether two sources are the same file in the same state. */
bool header_source_equal(const struct header_source *a, const struct header_source *b);
