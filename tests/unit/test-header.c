/*
 * Page 0 of a segment: what is planned fits, what is sealed is believed, and nothing else
 * is, not even with a checksum that is right.
 */
#include "tests/unit/unit.h"

#include <errno.h>
#include <string.h>

#include "client/protocol/header.h"

enum { PAGE = 4096, ICC_SIZE = 560, EXIF_SIZE = 130 };

/* An image of 65 x 3 RGB8 with two blocks and the name "duck". */
static struct header make(void)
{
	struct header header = {.width = 65,
		.height = 3,
		.format = FORMAT_RGB8,
		.colour = COLOUR_ICC,
		.orientation = 6,
		.generation = 77,
		.owner = 1000,
		.slot = 5,
		.semaphore_id = 32768,
		.semaphore_index = 9,
		.source = {.device = 1, .inode = 2, .size = 3, .mtime_seconds = -4},
		.name_length = 4,
		.block_count = 2,
		.blocks = {{.type = BLOCK_ICC, .size = ICC_SIZE},
			{.type = BLOCK_EXIF, .size = EXIF_SIZE}}};
	memcpy(header.name, "duck", 4);
	assert_int_equal(header_plan(&header, PAGE), 0);
	header_seal(&header);
	return header;
}

static const char *check(const struct header *header)
{
	const char *fault = header_check(header, header->segment_size);
	return fault ? fault : "good";
}

/* Seals a header that somebody has changed and expects it to be refused. */
static void expect_refused(struct header header, const char *fault)
{
	header_seal(&header);
	assert_string_equal(check(&header), fault);
}

static void sealed_is_good(void **state)
{
	(void)state;
	struct header header = make();
	assert_null(header_check(&header, header.segment_size));
	assert_memory_equal(header.magic, "SHMIMG\r\n", 8);
	assert_int_equal(header.version, 1);
	assert_int_equal(header.fourcc, format_fourcc(FORMAT_RGB8));
}

static void plan_aligns(void **state)
{
	(void)state;
	struct header header = make();
	assert_int_equal(header.stride, 256);
	assert_int_equal(header.pixel_offset, PAGE);
	assert_int_equal(header.pixel_size, 768);
	assert_int_equal(header.blocks[0].offset, PAGE + 768);
	assert_int_equal(header.blocks[1].offset, PAGE + 768 + 576);
	assert_int_equal(header.name_offset, HEADER_NAME_OFFSET);
	assert_int_equal(header.segment_size, 2 * PAGE);
}

static void plan_for_larger_pages(void **state)
{
	(void)state;
	for (uint64_t page = PAGE; page <= 65536; page *= 2) {
		struct header header = make();
		assert_int_equal(header_plan(&header, page), 0);
		assert_int_equal(header.pixel_offset, page);
		assert_int_equal(header.segment_size, 2 * page);
		header_seal(&header);
		assert_string_equal(check(&header), "good");
	}
}

/* Every format at widths around the alignment, against plain arithmetic. */
static void plan_of_every_format(void **state)
{
	(void)state;
	for (uint32_t format = 1; format < FORMAT_COUNT; format++) {
		for (uint32_t width = 1; width < 200; width++) {
			struct header header = make();
			header.width = width;
			header.format = format;
			assert_int_equal(header_plan(&header, PAGE), 0);
			uint64_t row = (uint64_t)width * format_pixel_bytes((enum format)format);
			assert_int_equal(header.stride, (row + 63) / 64 * 64);
			header_seal(&header);
			assert_string_equal(check(&header), "good");
		}
	}
}

static void long_names_follow_the_pixels(void **state)
{
	(void)state;
	struct header header = make();
	header.name_length = sizeof(header.name);
	assert_int_equal(header_plan(&header, PAGE), 0);
	assert_int_equal(header.name_offset, HEADER_NAME_OFFSET);
	header.name_length = sizeof(header.name) + 1;
	assert_int_equal(header_plan(&header, PAGE), 0);
	assert_true(header.name_offset >= header.blocks[1].offset + EXIF_SIZE);
	assert_true(header.name_offset + header.name_length <= header.segment_size);
	header_seal(&header);
	assert_string_equal(check(&header), "good");
}

static void largest_geometry_overflows(void **state)
{
	(void)state;
	struct header header = make();
	header.width = header.height = UINT32_MAX;
	header.format = FORMAT_RGBA16;
	assert_int_equal(header_plan(&header, PAGE), -EOVERFLOW);
	header.format = FORMAT_GRAY8;
	assert_int_equal(header_plan(&header, PAGE), -EOVERFLOW);
}

static void large_geometry_does_not(void **state)
{
	(void)state;
	struct header header = make();
	header.width = UINT32_MAX;
	header.height = 1u << 28;
	header.format = FORMAT_RGBA8;
	assert_int_equal(header_plan(&header, PAGE), 0);
	header_seal(&header);
	assert_string_equal(check(&header), "good");
}

static void blocks_overflow(void **state)
{
	(void)state;
	struct header header = make();
	header.blocks[0].size = UINT64_MAX;
	assert_int_equal(header_plan(&header, PAGE), -EOVERFLOW);
	header.blocks[0].size = INT64_MAX - PAGE;
	assert_int_equal(header_plan(&header, PAGE), -EOVERFLOW);
	header.blocks[0].size = header.blocks[1].size = INT64_MAX / 2 + 1;
	assert_int_equal(header_plan(&header, PAGE), -EOVERFLOW);
}

static void every_changed_bit_is_found(void **state)
{
	(void)state;
	struct header header = make();
	unsigned char *bytes = (unsigned char *)&header;
	for (size_t i = 0; i < sizeof(header); i++) {
		bytes[i] ^= (unsigned char)(1u << i % 8);
		assert_non_null(header_check(&header, 2 * PAGE));
		bytes[i] ^= (unsigned char)(1u << i % 8);
	}
	assert_null(header_check(&header, 2 * PAGE));
}

static void magic_and_version(void **state)
{
	(void)state;
	struct header header = make();
	header.magic[7] = ' ';
	assert_string_equal(check(&header), "not a shmimgd segment");
	header = make();
	header.version = 2;
	assert_string_equal(check(&header), "the layout version is unknown");
	header = make();
	header.header_size = 8192;
	assert_string_equal(check(&header), "the layout version is unknown");
	struct header zero = {0};
	assert_string_equal(check(&zero), "not a shmimgd segment");
}

static void segment_of_another_size(void **state)
{
	(void)state;
	static const char fault[] = "the segment's size differs from its header";
	struct header header = make();
	assert_string_equal(header_check(&header, 2 * PAGE - 1), fault);
	assert_string_equal(header_check(&header, 3 * PAGE), fault);
	assert_string_equal(header_check(&header, 0), fault);
	header.segment_size = (uint64_t)INT64_MAX + 1;
	expect_refused(header, fault);
}

static void no_pixels(void **state)
{
	(void)state;
	struct header header = make();
	header.width = 0;
	expect_refused(header, "the image has no pixels");
	header = make();
	header.height = 0;
	expect_refused(header, "the image has no pixels");
}

static void unknown_format(void **state)
{
	(void)state;
	struct header header = make();
	header.format = FORMAT_NATIVE;
	expect_refused(header, "the format is unknown");
	header.format = FORMAT_COUNT;
	expect_refused(header, "the format is unknown");
	header.format = UINT32_MAX;
	expect_refused(header, "the format is unknown");
}

static void bad_stride(void **state)
{
	(void)state;
	static const char fault[] = "the stride does not fit the width and height";
	struct header header = make();
	header.stride = 200;
	expect_refused(header, fault);
	header.stride = 192;
	expect_refused(header, fault);
	header.stride = 0;
	expect_refused(header, fault);
	header.stride = UINT64_MAX - 63;
	expect_refused(header, fault);
	header = make();
	header.pixel_size++;
	expect_refused(header, fault);
	header = make();
	header.height = 4;
	expect_refused(header, fault);
	header = make();
	header.format = FORMAT_RGBA16;
	expect_refused(header, fault);
}

static void pixels_outside(void **state)
{
	(void)state;
	static const uint64_t offsets[] = {0, 4095, 2 * PAGE - 767, 2 * PAGE, UINT64_MAX - 767};
	for (size_t i = 0; i < COUNT(offsets); i++) {
		struct header header = make();
		header.pixel_offset = offsets[i];
		expect_refused(header, "the pixels are not inside the segment");
	}
}

static void bad_orientation_or_colour(void **state)
{
	(void)state;
	static const char fault[] = "the orientation or colour space is unknown";
	struct header header = make();
	header.orientation = 0;
	expect_refused(header, fault);
	header.orientation = 9;
	expect_refused(header, fault);
	header = make();
	header.colour = COLOUR_ICC + 1;
	expect_refused(header, fault);
}

static void blocks_outside(void **state)
{
	(void)state;
	static const char fault[] =
		"a metadata block is not between the pixels and the end of the segment";
	static const struct {
		uint64_t offset, size;
	} places[] = {{0, 1}, {PAGE + 767, 1}, {2 * PAGE, 1}, {PAGE + 768, PAGE}, {UINT64_MAX, 2},
		{PAGE + 768, UINT64_MAX}};
	for (size_t i = 0; i < COUNT(places); i++) {
		struct header header = make();
		header.blocks[1].offset = places[i].offset;
		header.blocks[1].size = places[i].size;
		expect_refused(header, fault);
	}
}

static void too_many_blocks(void **state)
{
	(void)state;
	struct header header = make();
	header.block_count = HEADER_BLOCKS_MAX + 1;
	expect_refused(header, "there are too many metadata blocks");
	header.block_count = UINT32_MAX;
	expect_refused(header, "there are too many metadata blocks");
}

static void name_outside(void **state)
{
	(void)state;
	static const char fault[] = "the name is not inside the segment";
	static const uint64_t offsets[] = {0, 511, 4093, PAGE + 100, 2 * PAGE - 3, UINT64_MAX};
	for (size_t i = 0; i < COUNT(offsets); i++) {
		struct header header = make();
		header.name_offset = offsets[i];
		expect_refused(header, fault);
	}
	struct header header = make();
	header.name_length = UINT32_MAX;
	expect_refused(header, fault);
}

static void name_of_no_length(void **state)
{
	(void)state;
	struct header header = make();
	header.name_length = 0;
	expect_refused(header, "the name is empty or too long");
	header = make();
	header.height = 100;
	header.name_length = 4096;
	assert_int_equal(header_plan(&header, PAGE), 0);
	expect_refused(header, "the name is empty or too long");
}

/* Of a smaller form the whole picture is known, and what is not the smaller. */
static void whole_picture(void **state)
{
	(void)state;
	static const char fault[] = "the whole picture is smaller than its pixels";
	struct header header = make();
	static const struct {
		uint32_t width, height;
		bool good;
	} sizes[] = {{0, 0, true}, {65, 3, true}, {66, 3, true}, {UINT32_MAX, UINT32_MAX, true},
		{64, 3, false}, {65, 2, false}, {65, 0, false}, {0, 3, false}, {1, 1, false}};
	for (size_t i = 0; i < COUNT(sizes); i++) {
		header.full_width = sizes[i].width;
		header.full_height = sizes[i].height;
		header_seal(&header);
		assert_string_equal(check(&header), sizes[i].good ? "good" : fault);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sealed_is_good),
		cmocka_unit_test(plan_aligns),
		cmocka_unit_test(plan_for_larger_pages),
		cmocka_unit_test(plan_of_every_format),
		cmocka_unit_test(long_names_follow_the_pixels),
		cmocka_unit_test(largest_geometry_overflows),
		cmocka_unit_test(large_geometry_does_not),
		cmocka_unit_test(blocks_overflow),
		cmocka_unit_test(every_changed_bit_is_found),
		cmocka_unit_test(magic_and_version),
		cmocka_unit_test(segment_of_another_size),
		cmocka_unit_test(no_pixels),
		cmocka_unit_test(unknown_format),
		cmocka_unit_test(bad_stride),
		cmocka_unit_test(pixels_outside),
		cmocka_unit_test(bad_orientation_or_colour),
		cmocka_unit_test(whole_picture),
		cmocka_unit_test(blocks_outside),
		cmocka_unit_test(too_many_blocks),
		cmocka_unit_test(name_outside),
		cmocka_unit_test(name_of_no_length),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
