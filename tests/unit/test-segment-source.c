/*
 * Segments as the source of a picture: every format to every format, with all fields of the header;
 * and headers that no daemon writes.
 */
#include "config.h"

#include <png.h>
#include <stdlib.h>
#include <string.h>

#include "client/protocol/fault.h"
#include "tests/unit/png-writer.h"
#include "tests/unit/unit.h"

static struct decoder decoder;

static int start(void **state)
{
	(void)state;
	decoder_start(&decoder);
	return 0;
}

/* The last test: the decoder's exit status shows whether a sanitizer has found anything. */
static void decoder_ends_well(void **state)
{
	(void)state;
	assert_int_equal(decoder_stop(&decoder), 0);
}

static const uint8_t profile[] = "a profile", exif[] = "and EXIF";

/* A header as the daemon writes it, with two blocks. */
static struct header header_for(uint32_t width, uint32_t height, enum format format)
{
	struct header header = {.width = width,
		.height = height,
		.full_width = width,
		.full_height = height,
		.format = format,
		.native = FORMAT_RGBA8,
		.orientation = 6,
		.colour = COLOUR_ICC,
		.type = "JPEG",
		.name_length = 1,
		.block_count = 2};
	header.blocks[0] = (struct header_block){.type = BLOCK_ICC, .size = sizeof(profile)};
	header.blocks[1] = (struct header_block){.type = BLOCK_EXIF, .size = sizeof(exif)};
	assert_int_equal(header_plan(&header, HEADER_SIZE), 0);
	return header;
}

/* A segment with a header, which is sealed here, without pixels. The caller frees it. */
static struct bytes segment_with(struct header *header)
{
	struct bytes segment = {calloc(1, header->segment_size), header->segment_size};
	assert_non_null(segment.data);
	header_seal(header);
	memcpy(segment.data, header, sizeof(*header));
	memcpy(segment.data + header->blocks[0].offset, profile, sizeof(profile));
	memcpy(segment.data + header->blocks[1].offset, exif, sizeof(exif));
	return segment;
}

/* Draws the expected picture into a segment of a format. */
static struct bytes segment_of_picture(const struct expectation *expected, enum format format)
{
	struct header header = header_for(expected->width, expected->height, format);
	struct bytes segment = segment_with(&header);
	unsigned bytes = format_pixel_bytes(format);
	for (uint32_t i = 0; i < expected->width * expected->height; i++) {
		uint32_t x = i % expected->width, y = i / expected->width;
		uint8_t pixel[8];
		expectation_pixel(expected, format, x, y, pixel);
		memcpy(segment.data + header.pixel_offset + y * header.stride + x * bytes, pixel,
			bytes);
	}
	return segment;
}

static void decode(
	const struct bytes *segment, enum format format, uint32_t box, struct outcome *outcome)
{
	const struct job_decode order = {
		.format = format, .width = box, .height = box, .source = JOB_SOURCE_SEGMENT};
	decoder_order(&decoder, segment->data, segment->size, &order, outcome);
}

/* The fields of the header are the same, and the blocks are kept. */
static void assert_kept(const struct outcome *outcome)
{
	assert_done(outcome);
	assert_int_equal(outcome->header.native, FORMAT_RGBA8);
	assert_int_equal(outcome->header.orientation, 6);
	assert_int_equal(outcome->header.colour, COLOUR_ICC);
	assert_string_equal(outcome->header.type, "JPEG");
	assert_int_equal(outcome->header.block_count, 2);
	assert_block(outcome, 0, BLOCK_ICC, profile, sizeof(profile));
	assert_block(outcome, 1, BLOCK_EXIF, exif, sizeof(exif));
}

/* If no format on the way loses anything, the pixels are those of the file. */
static void assert_same_pixels(const struct expectation *expected, enum format from)
{
	struct bytes segment = segment_of_picture(expected, from);
	for (uint32_t to = FORMAT_RGBA8; to < FORMAT_COUNT; to++) {
		if (!format_keeps(from, (enum format)to, expected->native))
			continue;
		struct outcome outcome;
		decode(&segment, (enum format)to, 0, &outcome);
		assert_kept(&outcome);
		for (uint32_t i = 0; i < expected->width * expected->height; i++) {
			uint32_t x = i % expected->width, y = i / expected->width;
			uint8_t pixel[8];
			expectation_pixel(expected, (enum format)to, x, y, pixel);
			assert_memory_equal(pixel_at(&outcome, x, y), pixel,
				format_pixel_bytes((enum format)to));
		}
		outcome_free(&outcome);
	}
	free(segment.data);
}

static void formats_are_made_of_formats(void **state)
{
	static const struct png_kind kinds[] = {{PNG_COLOR_TYPE_RGB, 8, false, false},
		{PNG_COLOR_TYPE_RGBA, 8, false, false}, {PNG_COLOR_TYPE_GRAY, 8, false, false},
		{PNG_COLOR_TYPE_GRAY, 16, false, false}, {PNG_COLOR_TYPE_RGBA, 16, false, false}};
	(void)state;
	for (size_t i = 0; i < COUNT(kinds); i++) {
		struct expectation expected;
		struct bytes file = png_write(&kinds[i], 37, 41, NULL, &expected);
		for (uint32_t from = FORMAT_RGBA8; from < FORMAT_COUNT; from++)
			assert_same_pixels(&expected, (enum format)from);
		expectation_end(&expected);
		free(file.data);
	}
}

#ifdef HAVE_ZIMG
/* A rendition of a segment is the one of its file, byte by byte if the formats are the same. */
static void forms_are_made_of_segments(void **state)
{
	static const struct png_kind rgba = {PNG_COLOR_TYPE_RGBA, 8, false, false};
	(void)state;
	struct expectation expected;
	struct bytes file = png_write(&rgba, 50, 40, NULL, &expected);
	struct bytes segment = segment_of_picture(&expected, FORMAT_RGBA8);
	static const enum format formats[] = {FORMAT_RGBA8, FORMAT_BGRA8_PREMUL, FORMAT_RGBA16};
	for (size_t i = 0; i < COUNT(formats); i++) {
		const struct job_decode order = {.format = formats[i], .width = 13, .height = 13};
		struct outcome of_file, of_segment;
		decoder_order(&decoder, file.data, file.size, &order, &of_file);
		decode(&segment, formats[i], 13, &of_segment);
		assert_kept(&of_segment);
		assert_int_equal(of_segment.header.full_width, 50);
		assert_int_equal(of_segment.header.full_height, 40);
		assert_int_equal(of_segment.header.width, of_file.header.width);
		for (uint32_t y = 0; y < of_file.header.height; y++)
			assert_memory_equal(pixel_at(&of_segment, 0, y), pixel_at(&of_file, 0, y),
				of_file.header.width * format_pixel_bytes(formats[i]));
		outcome_free(&of_file);
		outcome_free(&of_segment);
	}
	expectation_end(&expected);
	free(segment.data);
	free(file.data);
}

/* The box is for the whole picture, also if the segment has a smaller rendition. */
static void smaller_forms_are_fitted_as_the_whole(void **state)
{
	(void)state;
	struct header header = header_for(30, 20, FORMAT_GRAY8);
	header.full_width = 301;
	header.full_height = 199;
	struct bytes segment = segment_with(&header);
	struct outcome outcome;
	decode(&segment, FORMAT_GRAY8, 10, &outcome);
	assert_kept(&outcome);
	assert_int_equal(outcome.header.full_width, 301);
	assert_int_equal(outcome.header.width, 10);
	assert_int_equal(outcome.header.height, 7);
	outcome_free(&outcome);
	decode(&segment, FORMAT_GRAY8, 31, &outcome);
	assert_refused(&outcome, FAULT_DECODER_FAILED);
	decode(&segment, FORMAT_GRAY8, 0, &outcome);
	assert_refused(&outcome, FAULT_DECODER_FAILED);
	free(segment.data);
}

#endif

static void older_segments_are_whole(void **state)
{
	(void)state;
	struct header header = header_for(30, 20, FORMAT_GRAY8);
	header.full_width = header.full_height = 0;
	struct bytes segment = segment_with(&header);
	struct outcome outcome;
	decode(&segment, FORMAT_GRAY8, 0, &outcome);
	assert_kept(&outcome);
	assert_int_equal(outcome.header.full_width, 30);
	assert_int_equal(outcome.header.full_height, 20);
	outcome_free(&outcome);
	free(segment.data);
}

/* ---- Not a segment ---- */

/* A file is never taken for a segment, whatever its content; nor a segment for a file. */
static void only_the_daemon_says_what_is_one(void **state)
{
	static const struct png_kind rgb = {PNG_COLOR_TYPE_RGB, 8, false, false};
	(void)state;
	struct header header = header_for(30, 20, FORMAT_GRAY8);
	struct bytes segment = segment_with(&header);
	struct outcome outcome;
	decoder_decode(&decoder, segment.data, segment.size, FORMAT_GRAY8, &outcome);
	assert_refused(&outcome, FAULT_NOT_AN_IMAGE);
	free(segment.data);
	struct expectation expected;
	struct bytes file = png_write(&rgb, 5, 5, NULL, &expected);
	decode(&file, FORMAT_RGBA8, 0, &outcome);
	assert_refused(&outcome, FAULT_DECODER_FAILED);
	expectation_end(&expected);
	free(file.data);
}

static void lie_of_native(struct header *header)
{
	header->native = FORMAT_NATIVE;
}

static void lie_of_unknown_native(struct header *header)
{
	header->native = 99;
}

static void lie_of_type(struct header *header)
{
	memset(header->type, 'x', sizeof(header->type));
}

static void lie_of_full_width(struct header *header)
{
	header->full_width = header->width - 1;
}

static void lie_of_full_height(struct header *header)
{
	header->full_height = UINT32_MAX;
}

static void lie_of_size(struct header *header)
{
	header->segment_size += HEADER_SIZE;
}

static void lie_of_smaller_size(struct header *header)
{
	header->segment_size -= HEADER_SIZE;
}

static void lie_of_pixels(struct header *header)
{
	header->pixel_offset = UINT64_MAX - 63;
}

static void lie_of_stride(struct header *header)
{
	header->stride += HEADER_ROW_ALIGN;
}

static void lie_of_block(struct header *header)
{
	header->blocks[1].size = UINT64_MAX;
}

static void lie_of_blocks(struct header *header)
{
	header->block_count = 9;
}

static void lie_of_orientation(struct header *header)
{
	header->orientation = 9;
}

static void lies_are_found(void **state)
{
	static void (*const lies[])(struct header * header) = {lie_of_native, lie_of_unknown_native,
		lie_of_type, lie_of_full_width, lie_of_full_height, lie_of_size,
		lie_of_smaller_size, lie_of_pixels, lie_of_stride, lie_of_block, lie_of_blocks,
		lie_of_orientation};
	(void)state;
	for (size_t i = 0; i < COUNT(lies); i++) {
		struct header header = header_for(30, 20, FORMAT_GRAY8);
		struct bytes segment = segment_with(&header);
		lies[i](&header);
		header_seal(&header);
		memcpy(segment.data, &header, sizeof(header));
		struct outcome outcome;
		decode(&segment, FORMAT_RGBA8, 7, &outcome);
		assert_refused(&outcome, FAULT_DECODER_FAILED);
		free(segment.data);
	}
}

/* Larger blocks than allowed, in a segment that is large enough for them. */
static void large_blocks_are_refused(void **state)
{
	(void)state;
	struct header header = header_for(3, 3, FORMAT_GRAY8);
	header.blocks[1].size = JOB_BLOCK_BYTES_MAX + 1;
	assert_int_equal(header_plan(&header, HEADER_SIZE), 0);
	struct bytes segment = segment_with(&header);
	struct outcome outcome;
	decode(&segment, FORMAT_RGBA8, 0, &outcome);
	assert_refused(&outcome, FAULT_DECODER_FAILED);
	free(segment.data);
}

/* The checksum finds a changed byte anywhere in the header. */
static void changed_headers_are_refused(void **state)
{
	(void)state;
	struct header header = header_for(30, 20, FORMAT_GRAY8);
	struct bytes segment = segment_with(&header);
	for (size_t at = 0; at < HEADER_SIZE; at += at < 512 ? 1 : 509) {
		segment.data[at] ^= 0x11;
		struct outcome outcome;
		decode(&segment, FORMAT_RGBA8, 7, &outcome);
		assert_refused(&outcome, FAULT_DECODER_FAILED);
		segment.data[at] ^= 0x11;
	}
	free(segment.data);
}

static void cut_segments_are_refused(void **state)
{
	(void)state;
	struct header header = header_for(30, 200, FORMAT_RGBA16);
	struct bytes segment = segment_with(&header);
	for (size_t size = 0; size < segment.size; size += 1000) {
		const struct bytes part = {segment.data, size};
		struct outcome outcome;
		decode(&part, FORMAT_RGBA8, 7, &outcome);
		assert_refused(&outcome, FAULT_DECODER_FAILED);
	}
	free(segment.data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(formats_are_made_of_formats),
#ifdef HAVE_ZIMG
		cmocka_unit_test(forms_are_made_of_segments),
		cmocka_unit_test(smaller_forms_are_fitted_as_the_whole),
#endif
		cmocka_unit_test(older_segments_are_whole),
		cmocka_unit_test(only_the_daemon_says_what_is_one),
		cmocka_unit_test(lies_are_found),
		cmocka_unit_test(large_blocks_are_refused),
		cmocka_unit_test(changed_headers_are_refused),
		cmocka_unit_test(cut_segments_are_refused),
		cmocka_unit_test(decoder_ends_well),
	};
	return cmocka_run_group_tests(tests, start, NULL);
}
