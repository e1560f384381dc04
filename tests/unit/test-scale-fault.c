/*
 * Failures while a picture is scaled: each call for memory, of the library and of the kernel fails
 * in turn. Each failure is reported, affects this picture only, and leaks nothing.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <png.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <zimg.h>

#include "daemon/decoder/codec/codec.h"
#include "tests/unit/exif-writer.h"
#include "tests/unit/jpeg-writer.h"
#include "tests/unit/png-writer.h"
#include "tests/unit/unit.h"

/* ---- Calls that fail ---- */

static unsigned countdown; /* 0: none fails */
static bool failed;
static int failed_error;

static bool fails(int error)
{
	if (countdown == 0 || --countdown > 0)
		return false;
	failed = true;
	failed_error = error;
	errno = error;
	return true;
}

/* Type of result, function, result of a failed call, errno, parameters, arguments. */
#define WRAP(type, name, failure, error, parameters, arguments)            \
	type __real_##name parameters;                                     \
	type __wrap_##name parameters;                                     \
	type __wrap_##name parameters                                      \
	{                                                                  \
		return fails(error) ? (failure) : __real_##name arguments; \
	}

WRAP(void *, calloc, NULL, ENOMEM, (size_t a, size_t b), (a, b))
WRAP(void *, malloc, NULL, ENOMEM, (size_t a), (a))
WRAP(void *, reallocarray, NULL, ENOMEM, (void *a, size_t b, size_t c), (a, b, c))
WRAP(int, posix_memalign, ENOMEM, ENOMEM, (void **a, size_t b, size_t c), (a, b, c))
WRAP(int, fallocate64, -1, ENOSPC, (int a, int b, off_t c, off_t d), (a, b, c, d))
WRAP(ssize_t, pwrite64, -1, ENOSPC, (int a, const void *b, size_t c, off_t d), (a, b, c, d))
WRAP(void *, mmap64, MAP_FAILED, ENOMEM, (void *a, size_t b, int c, int d, int e, off_t f),
	(a, b, c, d, e, f))
WRAP(zimg_filter_graph *, zimg_filter_graph_build, NULL, EIO,
	(const zimg_image_format *a, const zimg_image_format *b,
		const zimg_graph_builder_params *c),
	(a, b, c))
WRAP(zimg_error_code_e, zimg_filter_graph_get_tmp_size, ZIMG_ERROR_UNKNOWN, EIO,
	(const zimg_filter_graph *a, size_t *b), (a, b))
WRAP(zimg_error_code_e, zimg_filter_graph_process, ZIMG_ERROR_UNKNOWN, EIO,
	(const zimg_filter_graph *a, const zimg_image_buffer_const *b, const zimg_image_buffer *c,
		void *d, zimg_filter_graph_callback e, void *f, zimg_filter_graph_callback g,
		void *h),
	(a, b, c, d, e, f, g, h))

/* ---- Decoding here ---- */

enum { BOX = 12 };

static struct picture picture;

static int prepare(void **state)
{
	(void)state;
	codec_prepare();
	return 0;
}

static int fill(enum format format, int segment, const struct job_segment *plan)
{
	struct target target;
	int result = target_open(&target, &picture, format, plan, segment);
	if (result < 0)
		return result;
	result = codec_decode(&picture, &target);
	if (result == 0)
		result = target_finish(&target, &picture);
	target_close(&target);
	return result;
}

static int decode(int file, int segment, enum format format, const struct job_segment *plan)
{
	int result = codec_open(&picture, file, JOB_SOURCE_FILE);
	if (result == 0)
		result = codec_fit(&picture, BOX, BOX);
	if (result == 0)
		result = fill(format, segment, plan);
	return result;
}

/* A segment that is large enough for each of the pictures and their blocks. */
static struct job_segment make_plan(enum format format)
{
	struct job_segment plan = {.kind = JOB_SEGMENT,
		.pixel_offset = HEADER_SIZE,
		.stride = BOX * format_pixel_bytes(format)};
	plan.stride = (plan.stride + HEADER_ROW_ALIGN - 1) / HEADER_ROW_ALIGN * HEADER_ROW_ALIGN;
	plan.block_offsets[0] = HEADER_SIZE + plan.stride * BOX;
	plan.size = plan.block_offsets[0] + HEADER_SIZE;
	return plan;
}

/* Makes one call after the other fail, until none fails. Returns how many there were. */
static unsigned fail_each(const struct bytes *file, enum format format)
{
	const struct job_segment plan = make_plan(format);
	int input = file_of(file->data, file->size);
	for (unsigned n = 1;; n++) {
		int segment = segment_of(plan.size);
		countdown = n;
		failed = false;
		int result = decode(input, segment, format, &plan);
		countdown = 0;
		bool told = picture.error.kind == JOB_ERROR && picture.error.message[0];
		uint32_t fault = picture.error.fault;
		codec_close(&picture);
		close(segment);
		if (!failed) {
			assert_int_equal(result, 0);
			close(input);
			return n - 1;
		}
		/* A call that is not essential may have failed: of the fast reader of PNG, or of a
		 * message. */
		assert_int_equal(result < 0, told);
		if (told)
			assert_int_equal(fault,
				failed_error == ENOSPC ? FAULT_NO_SPACE : FAULT_DECODER_FAILED);
	}
}

static void png_fails(void **state)
{
	static const struct png_kind kinds[] = {{PNG_COLOR_TYPE_RGB, 8, false, false},
		{PNG_COLOR_TYPE_RGBA, 8, false, false}, {PNG_COLOR_TYPE_RGBA, 16, true, false}};
	(void)state;
	for (size_t i = 0; i < COUNT(kinds); i++) {
		for (unsigned orientation = 1; orientation <= 6; orientation += 5) {
			struct bytes exif = exif_write(orientation, false, false);
			const struct png_extras extras = {.exif = &exif};
			struct expectation expected;
			struct bytes file = png_write(&kinds[i], 50, 60, &extras, &expected);
			assert_true(fail_each(&file, FORMAT_RGBA8) > 15);
			expectation_end(&expected);
			free(file.data);
			free(exif.data);
		}
	}
}

static void jpeg_fails(void **state)
{
	(void)state;
	struct bytes file = jpeg_write(&jpeg_kinds[5], 163, 121, NULL);
	assert_true(fail_each(&file, FORMAT_BGRA8_PREMUL) > 12);
	free(file.data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(png_fails),
		cmocka_unit_test(jpeg_fails),
	};
	return cmocka_run_group_tests(tests, prepare, NULL);
}
