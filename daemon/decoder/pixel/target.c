/*
 * The target of a decode.
 *
 * Pixels get into the segment in one of three ways:
 *
 * - by the mapping of the spare, if the job's segment is the spare and it is filled. This is the
 *   fastest: its pages are there.
 * - by the stripe writer, if rows come from the first to the last and stay rows (orientation 1).
 * - by a mapping of the whole segment otherwise: an interlaced PNG, and orientations 2 to 8.
 *
 * A pixel of the file goes to origin + x * across + y * down, whatever the orientation: the eight
 * orientations differ in these three values only. If pixels lie side by side (across is one
 * pixel), a strip is converted into its place. Else it is converted into a scratch buffer, and
 * its pixels are scattered from there.
 *
 * All memory of the segment is reserved with fallocate(2) before it is written to through a
 * mapping. A write to a page that shared memory has no room for would end the decoder by SIGBUS;
 * fallocate(2) returns ENOSPC, which becomes an error of this picture.
 *
 * The offsets come from the daemon. They are checked against the size of the segment all the
 * same, so that a confused daemon cannot make the decoder write outside of it. The decoder never
 * reads from the segment what it has written.
 */
#include "config.h"

#include "daemon/decoder/pixel/target.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "daemon/decoder/pixel/convert.h"
#include "daemon/decoder/pixel/scale.h"
#include "daemon/decoder/pixel/spare.h"
#include "daemon/decoder/pixel/stripe-writer.h"

static bool target_is_inside(uint64_t offset, uint64_t size, uint64_t end)
{
	return offset <= end && size <= end - offset;
}

/* Whether the daemon's offsets and sizes fit the picture and the segment. */
static bool target_fits(const struct picture *picture, enum format format,
	const struct job_segment *segment, int fd)
{
	if (segment->size > SIZE_MAX || !input_file_has_size(fd, segment->size))
		return false;
	uint32_t width = picture->fitted_width, height = picture->fitted_height;
	picture_turn(picture, &width, &height);
	uint64_t pixels;
	if (segment->stride > INT64_MAX ||
		segment->stride < (uint64_t)width * format_pixel_bytes(format) ||
		__builtin_mul_overflow(segment->stride, height, &pixels) ||
		!target_is_inside(segment->pixel_offset, pixels, segment->size))
		return false;
	for (uint32_t i = 0; i < picture->block_count; i++) {
		uint64_t offset = segment->block_offsets[i];
		if (!target_is_inside(offset, picture->blocks[i].size, segment->size))
			return false;
	}
	return true;
}

/* Fails the picture for a system call that failed. Returns the error. */
static int target_fail(struct picture *picture, int error, const char *what, uint64_t size)
{
	if (error == -ENOSPC)
		picture_fail(picture, FAULT_NO_SPACE,
			"shared memory is full: %" PRIu64 " bytes are needed", size);
	else
		picture_fail(picture, FAULT_DECODER_FAILED, "cannot %s shared memory: %s", what,
			strerror(-error));
	return error;
}

static int target_reserve(
	struct target *target, struct picture *picture, uint64_t from, uint64_t to)
{
	int result = 0;
	if (from < to) {
		do
			result = fallocate(target->fd, 0, (off_t)from, (off_t)(to - from));
		while (result < 0 && errno == EINTR);
		if (result < 0)
			result = target_fail(picture, -errno, "reserve", target->size);
	}
	return result;
}

static int target_map(struct target *target, struct picture *picture)
{
	if (target->map)
		return 0;
	int result = target_reserve(target, picture, 0, target->size);
	if (result < 0)
		return result;
	void *address = mmap(NULL, target->size, PROT_READ | PROT_WRITE, MAP_SHARED, target->fd, 0);
	if (address == MAP_FAILED)
		return target_fail(picture, -errno, "map", target->size);
	target->map = address;
	return 0;
}

/* Sets where the rows and columns of the file go. Orientations are numbered by TIFF 6.0. */
static void target_orient(
	struct target *target, const struct picture *picture, const struct job_segment *segment)
{
	unsigned orientation = picture->orientation;
	ptrdiff_t pixel = (ptrdiff_t)format_pixel_bytes(target->format);
	ptrdiff_t stride = (ptrdiff_t)segment->stride;
	target->transposed = orientation >= 5;
	target->across = target->transposed ? stride : pixel;
	target->down = target->transposed ? pixel : stride;
	target->origin = target->map ? target->map + segment->pixel_offset : NULL;
	if (orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8) {
		target->origin += target->across * (ptrdiff_t)(picture->fitted_width - 1);
		target->across = -target->across;
	}
	if (orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7) {
		target->origin += target->down * (ptrdiff_t)(picture->fitted_height - 1);
		target->down = -target->down;
	}
}

/* By pwrite(2), which fails with ENOSPC if a page is not reserved and there is no memory. */
static int target_write_block(struct target *target, struct picture *picture,
	const struct picture_block *block, uint64_t to)
{
	const uint8_t *data = block->data;
	for (size_t left = block->size; left > 0;) {
		ssize_t count = pwrite(target->fd, data, left, (off_t)to);
		if (count < 0 && errno == EINTR)
			continue;
		if (count <= 0)
			return target_fail(
				picture, count < 0 ? -errno : -EIO, "write to", target->size);
		data += count;
		left -= (size_t)count;
		to += (uint64_t)count;
	}
	return 0;
}

/* Reserves what is around the pixels, writes the blocks, begins the stripe writer. */
static int target_begin(struct target *target, struct picture *picture,
	const struct job_segment *segment, bool in_order)
{
	int result = in_order ? target_reserve(target, picture, 0, segment->pixel_offset)
			      : target_map(target, picture);
	for (uint32_t i = 0; result == 0 && i < picture->block_count; i++)
		result = target_write_block(
			target, picture, &picture->blocks[i], segment->block_offsets[i]);
	if (result < 0 || !in_order)
		return result;
	size_t max;
	if (__builtin_mul_overflow(target->stride, STRIP_ROWS, &max))
		max = SIZE_MAX;
	result = stripe_writer_begin(target->fd, segment->pixel_offset, max);
	target->striped = result == 0;
	if (result < 0)
		picture_fail(picture, FAULT_DECODER_FAILED, PICTURE_NO_MEMORY);
	return result;
}

/* ---- Drawing ---- */

void target_rows(struct target *target, uint32_t y, uint32_t count, uint8_t **rows)
{
	uint8_t *first = target->striped ? stripe_writer_next(count * target->stride)
					 : target->origin + target->down * (ptrdiff_t)y;
	for (uint32_t i = 0; i < count; i++) {
		rows[i] = first + i * target->stride;
		if (target->striped)
			memset(rows[i] + target->row_bytes, 0, target->stride - target->row_bytes);
	}
}

/*
 * Moves the pixels of a strip from the scratch buffer to their places. `pixel` is constant in
 * each use. If rows become columns, columns are the outer loop, so that memory is written in
 * runs.
 */
static inline __attribute__((always_inline)) void target_scatter(
	const struct target *target, uint8_t *to, const struct strip *strip, size_t pixel)
{
	const uint8_t *from = target->scratch;
	bool transposed = target->transposed;
	ptrdiff_t across = target->across * (ptrdiff_t)strip->step;
	ptrdiff_t down = target->down;
	size_t outer = transposed ? strip->count : strip->rows;
	size_t inner = transposed ? strip->rows : strip->count;
	ptrdiff_t to_outer = transposed ? across : down;
	ptrdiff_t to_inner = transposed ? down : across;
	size_t from_outer = transposed ? pixel : strip->count * pixel;
	size_t from_inner = transposed ? strip->count * pixel : pixel;
	for (size_t i = 0; i < outer; i++) {
		uint8_t *out = to + (ptrdiff_t)i * to_outer;
		const uint8_t *source = from + i * from_outer;
		for (size_t j = 0; j < inner; j++) {
			memcpy(out, source, pixel);
			out += to_inner;
			source += from_inner;
		}
	}
}

static void target_convert_strip(
	const struct target *target, const struct strip *strip, uint8_t *to, ptrdiff_t down)
{
	for (uint32_t i = 0; i < strip->rows; i++)
		convert_row(to + down * (ptrdiff_t)i, target->format,
			strip->pixels + i * strip->pitch, strip->row, strip->count);
}

static void target_draw(struct target *target, const struct strip *strip)
{
	if (target->striped) {
		uint8_t *rows[STRIP_ROWS];
		target_rows(target, strip->y, strip->rows, rows);
		target_convert_strip(target, strip, rows[0], (ptrdiff_t)target->stride);
		return;
	}
	size_t pixel = format_pixel_bytes(target->format);
	uint8_t *to = target->origin + target->across * (ptrdiff_t)strip->x +
		      target->down * (ptrdiff_t)strip->y;
	if (target->across == (ptrdiff_t)pixel && strip->step == 1) {
		target_convert_strip(target, strip, to, target->down);
		return;
	}
	target_convert_strip(target, strip, target->scratch, (ptrdiff_t)(strip->count * pixel));
	switch (pixel) {
#define CASE(bytes)                                       \
	case bytes:                                       \
		target_scatter(target, to, strip, bytes); \
		break;
		CASE(1)
		CASE(2)
		CASE(3)
		CASE(4)
		CASE(8)
#undef CASE
	default:
		break;
	}
}

/* ---- Begin and end ---- */

static int target_fail_scale(struct picture *picture, int error)
{
	picture_fail(picture, FAULT_DECODER_FAILED, "cannot make the picture smaller: %s",
		strerror(-error));
	return error;
}

/* Draws rows that scale.h has made. */
static void target_draw_scaled(void *context, const struct strip *strip)
{
	target_draw(context, strip);
}

static int target_open_all(struct target *target, struct picture *picture,
	const struct job_segment *segment, bool scaled)
{
	if (segment->spare)
		target->map = spare_use(segment->size);
	target->spare = target->map;
	bool in_order =
		(picture->in_order || scaled) && picture->orientation == 1 && !target->spare;
	size_t pixel = format_pixel_bytes(target->format);
	if (!in_order) {
		target->scratch =
			reallocarray(NULL, picture->fitted_width, (size_t)STRIP_ROWS * pixel);
		if (!target->scratch)
			return picture_fail(picture, FAULT_DECODER_FAILED, PICTURE_NO_MEMORY);
	}
	if (scaled) {
		int result = scale_open(
			&target->scale, picture, target->format, target_draw_scaled, target);
		if (result < 0)
			return target_fail_scale(picture, result);
	}
	return target_begin(target, picture, segment, in_order);
}

int target_open(struct target *target, struct picture *picture, enum format format,
	const struct job_segment *segment, int fd)
{
	*target = (struct target){.fd = fd,
		.format = format,
		.width = picture_part(picture->width, picture->eighths),
		.height = picture_part(picture->height, picture->eighths),
		.size = (size_t)segment->size,
		.stride = (size_t)segment->stride,
		.row_bytes = (size_t)picture->fitted_width * format_pixel_bytes(format)};
	if (!target_fits(picture, format, segment, fd))
		return -EPROTO;
	target->pixels_end = segment->pixel_offset + segment->stride * picture->fitted_height;
	int result = target_open_all(target, picture, segment, picture_is_scaled(picture));
	if (result < 0) {
		target_close(target);
		return result;
	}
	target_orient(target, picture, segment);
	return 0;
}

int target_finish(struct target *target, struct picture *picture)
{
	int scaled = target->scale ? scale_finish(target->scale) : 0;
	if (scaled < 0)
		return target_fail_scale(picture, scaled);
	if (!target->striped)
		return 0;
	target->striped = false;
	int result = stripe_writer_end();
	if (result < 0)
		return target_fail(picture, result, "write to", target->size);
	return target_reserve(target, picture, target->pixels_end, target->size);
}

void target_close(struct target *target)
{
	if (target->striped)
		stripe_writer_end();
	if (target->map && !target->spare)
		munmap(target->map, target->size);
	scale_close(target->scale);
	free(target->scratch);
	target->scale = NULL;
	target->map = target->scratch = NULL;
	target->striped = false;
}

enum format target_format(const struct target *target)
{
	return target->scale ? scale_format(target->scale) : target->format;
}

bool target_is_direct(const struct target *target, enum row row)
{
	return !target->scale && !target->transposed && target->across > 0 && target->down > 0 &&
	       convert_is_same(row, target->format);
}

void target_put(struct target *target, const struct strip *strip)
{
	if (target->scale)
		scale_put(target->scale, strip);
	else
		target_draw(target, strip);
}
