/*
 * The segment of a job as something to draw on.
 * See canvas.h for what it does and never does.
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

#include "daemon/decoder/pixel/scale.h"
#include "daemon/decoder/pixel/spare.h"
#include "daemon/decoder/pixel/writer.h"

static bool target_inside(uint64_t offset, uint64_t size, uint64_t end)
{
	return offset <= end && size <= end - offset;
}

/* Checks the daemon's plan, which nothing but a bug or a stranger makes wrong. */
static bool target_fits(const struct picture *picture, enum format format,
	const struct job_segment *segment, int fd)
{
	if (segment->size > SIZE_MAX || !file_has_size(fd, segment->size))
		return false;
	uint32_t width = picture->fitted_width, height = picture->fitted_height;
	picture_turn(picture, &width, &height);
	uint64_t pixels;
	if (segment->stride > INT64_MAX ||
		segment->stride < (uint64_t)width * format_pixel_bytes(format) ||
		__builtin_mul_overflow(segment->stride, height, &pixels) ||
		!target_inside(segment->pixel_offset, pixels, segment->size))
		return false;
	for (uint32_t i = 0; i < picture->block_count; i++) {
		uint64_t offset = segment->block_offsets[i];
		if (!target_inside(offset, picture->blocks[i].size, segment->size))
			return false;
	}
	return true;
}

/* Of what the kernel has no room for, or refuses. */
static int target_fail(struct picture *picture, int error, const char *what, uint64_t size)
{
	if (error == -ENOSPC)
		picture_fail(picture, FAULT_NO_SPACE,
			"no room in shared memory: %" PRIu64 " bytes are needed", size);
	else
		picture_fail(picture, FAULT_DECODER_FAILED, "cannot %s the segment: %s", what,
			strerror(-error));
	return error;
}

static int target_reserve(
	struct canvas *canvas, struct picture *picture, uint64_t from, uint64_t to)
{
	int result = 0;
	if (from < to) {
		do
			result = fallocate(canvas->fd, 0, (off_t)from, (off_t)(to - from));
		while (result < 0 && errno == EINTR);
		if (result < 0)
			result = target_fail(picture, -errno, "reserve", canvas->size);
	}
	return result;
}

static int target_map(struct canvas *canvas, struct picture *picture)
{
	if (canvas->map)
		return 0;
	int result = target_reserve(canvas, picture, 0, canvas->size);
	if (result < 0)
		return result;
	void *address = mmap(NULL, canvas->size, PROT_READ | PROT_WRITE, MAP_SHARED, canvas->fd, 0);
	if (address == MAP_FAILED)
		return target_fail(picture, -errno, "map", canvas->size);
	canvas->map = address;
	return 0;
}

/* Sets where the picture's rows and columns go: eight ways, as TIFF 6.0 numbers them. */
static void target_orient(
	struct canvas *canvas, const struct picture *picture, const struct job_segment *segment)
{
	unsigned orientation = picture->orientation;
	ptrdiff_t pixel = (ptrdiff_t)format_pixel_bytes(canvas->format);
	ptrdiff_t stride = (ptrdiff_t)segment->stride;
	canvas->turned = orientation >= 5;
	canvas->across = canvas->turned ? stride : pixel;
	canvas->down = canvas->turned ? pixel : stride;
	canvas->origin = canvas->map ? canvas->map + segment->pixel_offset : NULL;
	if (orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8) {
		canvas->origin += canvas->across * (ptrdiff_t)(picture->fitted_width - 1);
		canvas->across = -canvas->across;
	}
	if (orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7) {
		canvas->origin += canvas->down * (ptrdiff_t)(picture->fitted_height - 1);
		canvas->down = -canvas->down;
	}
}

/* Only pages that are there may be written to by pwrite(2) when there is no room any more. */
static int target_write_block(struct canvas *canvas, struct picture *picture,
	const struct picture_block *block, uint64_t to)
{
	const uint8_t *data = block->data;
	for (size_t left = block->size; left > 0;) {
		ssize_t count = pwrite(canvas->fd, data, left, (off_t)to);
		if (count < 0 && errno == EINTR)
			continue;
		if (count <= 0)
			return target_fail(
				picture, count < 0 ? -errno : -EIO, "write to", canvas->size);
		data += count;
		left -= (size_t)count;
		to += (uint64_t)count;
	}
	return 0;
}

/* What is around the pixels: reserved at once, and the blocks written. */
static int target_begin(struct canvas *canvas, struct picture *picture,
	const struct job_segment *segment, bool in_order)
{
	int result = in_order ? target_reserve(canvas, picture, 0, segment->pixel_offset)
			      : target_map(canvas, picture);
	for (uint32_t i = 0; result == 0 && i < picture->block_count; i++)
		result = target_write_block(
			canvas, picture, &picture->blocks[i], segment->block_offsets[i]);
	if (result < 0 || !in_order)
		return result;
	size_t most;
	if (__builtin_mul_overflow(canvas->stride, STRIP_ROWS, &most))
		most = SIZE_MAX;
	result = spool_begin(canvas->fd, segment->pixel_offset, most);
	/* Only what has begun is to be ended. */
	canvas->spooled = result == 0;
	if (result < 0)
		picture_fail(picture, FAULT_DECODER_FAILED, "no memory for rows");
	return result;
}

/* ---- Drawing ---- */

void canvas_rows(struct canvas *canvas, uint32_t y, uint32_t count, uint8_t **rows)
{
	uint8_t *first = canvas->spooled ? spool_take(count * canvas->stride)
					 : canvas->origin + canvas->down * (ptrdiff_t)y;
	for (uint32_t i = 0; i < count; i++) {
		rows[i] = first + i * canvas->stride;
		if (canvas->spooled)
			memset(rows[i] + canvas->row_bytes, 0, canvas->stride - canvas->row_bytes);
	}
}

/*
 * Moves a block of pixels of constant size. Columns are the outer loop where the file's
 * rows become columns, so that memory is written in runs.
 */
static inline __attribute__((always_inline)) void target_scatter(
	const struct canvas *canvas, uint8_t *to, const struct strip *strip, size_t pixel)
{
	const uint8_t *from = canvas->scratch;
	bool turned = canvas->turned;
	ptrdiff_t across = canvas->across * (ptrdiff_t)strip->step;
	ptrdiff_t down = canvas->down;
	size_t outer = turned ? strip->count : strip->rows;
	size_t inner = turned ? strip->rows : strip->count;
	ptrdiff_t to_outer = turned ? across : down;
	ptrdiff_t to_inner = turned ? down : across;
	size_t from_outer = turned ? pixel : strip->count * pixel;
	size_t from_inner = turned ? strip->count * pixel : pixel;
	for (size_t i = 0; i < outer; i++) {
		uint8_t *target = to + (ptrdiff_t)i * to_outer;
		const uint8_t *source = from + i * from_outer;
		for (size_t j = 0; j < inner; j++) {
			memcpy(target, source, pixel);
			target += to_inner;
			source += from_inner;
		}
	}
}

static void target_convert_strip(
	const struct canvas *canvas, const struct strip *strip, uint8_t *to, ptrdiff_t down)
{
	for (uint32_t i = 0; i < strip->rows; i++)
		convert_row(to + down * (ptrdiff_t)i, canvas->format,
			strip->pixels + i * strip->pitch, strip->row, strip->count);
}

static void target_draw(struct canvas *canvas, const struct strip *strip)
{
	if (canvas->spooled) {
		uint8_t *rows[STRIP_ROWS];
		canvas_rows(canvas, strip->y, strip->rows, rows);
		target_convert_strip(canvas, strip, rows[0], (ptrdiff_t)canvas->stride);
		return;
	}
	size_t pixel = format_pixel_bytes(canvas->format);
	uint8_t *to = canvas->origin + canvas->across * (ptrdiff_t)strip->x +
		      canvas->down * (ptrdiff_t)strip->y;
	if (canvas->across == (ptrdiff_t)pixel && strip->step == 1) {
		target_convert_strip(canvas, strip, to, canvas->down);
		return;
	}
	target_convert_strip(canvas, strip, canvas->scratch, (ptrdiff_t)(strip->count * pixel));
	switch (pixel) {
#define CASE(bytes)                                       \
	case bytes:                                       \
		target_scatter(canvas, to, strip, bytes); \
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
	picture_fail(picture, FAULT_DECODER_FAILED, "cannot make it smaller: %s", strerror(-error));
	return error;
}

/* Rows of the size that is written, of which the file knows nothing. */
static void target_draw_scaled(void *context, const struct strip *strip)
{
	target_draw(context, strip);
}

static int target_open_all(struct canvas *canvas, struct picture *picture,
	const struct job_segment *segment, bool scaled)
{
	if (segment->spare)
		canvas->map = spare_use(segment->size);
	canvas->spare = canvas->map;
	bool in_order =
		(picture->in_order || scaled) && picture->orientation == 1 && !canvas->spare;
	size_t pixel = format_pixel_bytes(canvas->format);
	if (!in_order) {
		canvas->scratch =
			reallocarray(NULL, picture->fitted_width, (size_t)STRIP_ROWS * pixel);
		if (!canvas->scratch)
			return picture_fail(picture, FAULT_DECODER_FAILED, "no memory for a row");
	}
	if (scaled) {
		int result = scale_open(
			&canvas->scale, picture, canvas->format, target_draw_scaled, canvas);
		if (result < 0)
			return target_fail_scale(picture, result);
	}
	return target_begin(canvas, picture, segment, in_order);
}

int canvas_open(struct canvas *canvas, struct picture *picture, enum format format,
	const struct job_segment *segment, int fd)
{
	*canvas = (struct canvas){.fd = fd,
		.format = format,
		.width = picture_part(picture->width, picture->eighths),
		.height = picture_part(picture->height, picture->eighths),
		.size = (size_t)segment->size,
		.stride = (size_t)segment->stride,
		.row_bytes = (size_t)picture->fitted_width * format_pixel_bytes(format)};
	if (!target_fits(picture, format, segment, fd))
		return -EPROTO;
	canvas->pixels_end = segment->pixel_offset + segment->stride * picture->fitted_height;
	int result = target_open_all(canvas, picture, segment, picture_is_scaled(picture));
	if (result < 0) {
		canvas_close(canvas);
		return result;
	}
	target_orient(canvas, picture, segment);
	return 0;
}

int canvas_finish(struct canvas *canvas, struct picture *picture)
{
	int scaled = canvas->scale ? scale_finish(canvas->scale) : 0;
	if (scaled < 0)
		return target_fail_scale(picture, scaled);
	if (!canvas->spooled)
		return 0;
	canvas->spooled = false;
	int result = spool_end();
	if (result < 0)
		return target_fail(picture, result, "write to", canvas->size);
	return target_reserve(canvas, picture, canvas->pixels_end, canvas->size);
}

void canvas_close(struct canvas *canvas)
{
	if (canvas->spooled)
		spool_end();
	if (canvas->map && !canvas->spare)
		munmap(canvas->map, canvas->size);
	scale_close(canvas->scale);
	free(canvas->scratch);
	canvas->scale = NULL;
	canvas->map = canvas->scratch = NULL;
	canvas->spooled = false;
}

enum format canvas_format(const struct canvas *canvas)
{
	return canvas->scale ? scale_format(canvas->scale) : canvas->format;
}

bool canvas_is_direct(const struct canvas *canvas, enum row row)
{
	return !canvas->scale && !canvas->turned && canvas->across > 0 && canvas->down > 0 &&
	       convert_is_same(row, canvas->format);
}

void canvas_put(struct canvas *canvas, const struct strip *strip)
{
	if (canvas->scale)
		scale_put(canvas->scale, strip);
	else
		target_draw(canvas, strip);
}
