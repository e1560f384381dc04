/*
 * The segment of a job as something to draw on.
 * See canvas.h for what it does and never does.
 */
#include "config.h"

#include "daemon/decoder/canvas.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static bool inside(uint64_t offset, uint64_t size, uint64_t end)
{
	return offset <= end && size <= end - offset;
}

/*
 * fstat(3) is a call that takes a path, of which the sandbox allows none. A file ends where
 * there is a byte before and none behind.
 */
static bool has_size(int fd, uint64_t size)
{
	uint8_t byte;
	return size >= 1 && size <= INT64_MAX && pread(fd, &byte, 1, (off_t)size - 1) == 1 &&
	       pread(fd, &byte, 1, (off_t)size) == 0;
}

/* Checks the daemon's plan, which nothing but a bug or a stranger makes wrong. */
static bool fits(const struct picture *picture, enum format format,
	const struct job_segment *segment, int fd)
{
	if (segment->size > SIZE_MAX || !has_size(fd, segment->size))
		return false;
	bool turned = picture->orientation >= 5;
	uint64_t width = turned ? picture->height : picture->width;
	uint64_t height = turned ? picture->width : picture->height;
	uint64_t pixels;
	if (segment->stride > INT64_MAX || segment->stride < width * format_pixel_bytes(format) ||
		__builtin_mul_overflow(segment->stride, height, &pixels) ||
		!inside(segment->pixel_offset, pixels, segment->size))
		return false;
	for (uint32_t i = 0; i < picture->block_count; i++) {
		uint64_t offset = segment->block_offsets[i];
		if (!inside(offset, picture->blocks[i].size, segment->size))
			return false;
	}
	return true;
}

static int reserve(struct picture *picture, uint64_t size, int fd)
{
	int result;
	do
		result = fallocate(fd, 0, 0, (off_t)size) < 0 ? -errno : 0;
	while (result == -EINTR);
	if (result == -ENOSPC)
		picture_fail(picture, FAULT_NO_SPACE,
			"no room in shared memory: %" PRIu64 " bytes are needed", size);
	else if (result < 0)
		picture_fail(picture, FAULT_DECODER_FAILED, "cannot reserve the segment: %s",
			strerror(-result));
	return result;
}

static int map(struct canvas *canvas, struct picture *picture, int fd)
{
	void *address = mmap(NULL, canvas->size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (address == MAP_FAILED) {
		int result = -errno;
		picture_fail(picture, FAULT_DECODER_FAILED, "cannot map the segment: %s",
			strerror(-result));
		return result;
	}
	canvas->map = address;
	return 0;
}

/* Sets where the picture's rows and columns go: eight ways, as TIFF 6.0 numbers them. */
static void orient(struct canvas *canvas, unsigned orientation, const struct job_segment *segment)
{
	ptrdiff_t pixel = (ptrdiff_t)format_pixel_bytes(canvas->format);
	ptrdiff_t stride = (ptrdiff_t)segment->stride;
	canvas->turned = orientation >= 5;
	canvas->across = canvas->turned ? stride : pixel;
	canvas->down = canvas->turned ? pixel : stride;
	canvas->origin = canvas->map + segment->pixel_offset;
	if (orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8) {
		canvas->origin += canvas->across * (ptrdiff_t)(canvas->width - 1);
		canvas->across = -canvas->across;
	}
	if (orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7) {
		canvas->origin += canvas->down * (ptrdiff_t)(canvas->height - 1);
		canvas->down = -canvas->down;
	}
}

int canvas_open(struct canvas *canvas, struct picture *picture, enum format format,
	const struct job_segment *segment, int fd)
{
	*canvas = (struct canvas){.format = format,
		.width = picture->width,
		.height = picture->height,
		.size = (size_t)segment->size};
	if (!fits(picture, format, segment, fd))
		return -EPROTO;
	canvas->scratch = reallocarray(
		NULL, picture->width, (size_t)CANVAS_STRIP * format_pixel_bytes(format));
	if (!canvas->scratch)
		return picture_fail(picture, FAULT_DECODER_FAILED, "no memory for a row");
	int result = reserve(picture, segment->size, fd);
	if (result == 0)
		result = map(canvas, picture, fd);
	if (result < 0) {
		canvas_close(canvas);
		return result;
	}
	orient(canvas, picture->orientation, segment);
	for (uint32_t i = 0; i < picture->block_count; i++) {
		const struct picture_block *block = &picture->blocks[i];
		memcpy(canvas->map + segment->block_offsets[i], block->data, block->size);
	}
	return 0;
}

void canvas_close(struct canvas *canvas)
{
	if (canvas->map)
		munmap(canvas->map, canvas->size);
	free(canvas->scratch);
	canvas->map = canvas->scratch = NULL;
}

uint8_t *canvas_row(const struct canvas *canvas, enum row row, uint32_t y)
{
	if (canvas->turned || canvas->across < 0 || canvas->down < 0 ||
		!convert_is_same(row, canvas->format))
		return NULL;
	return canvas->origin + canvas->down * (ptrdiff_t)y;
}

/*
 * Moves a block of pixels of constant size. Columns are the outer loop where the file's
 * rows become columns, so that memory is written in runs.
 */
static inline __attribute__((always_inline)) void scatter(
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

void canvas_put(struct canvas *canvas, const struct strip *strip)
{
	size_t pixel = format_pixel_bytes(canvas->format);
	size_t row = strip->count * pixel;
	uint8_t *to = canvas->origin + canvas->across * (ptrdiff_t)strip->x +
		      canvas->down * (ptrdiff_t)strip->y;
	bool in_place = canvas->across == (ptrdiff_t)pixel && strip->step == 1;
	for (uint32_t i = 0; i < strip->rows; i++) {
		uint8_t *target =
			in_place ? to + canvas->down * (ptrdiff_t)i : canvas->scratch + i * row;
		convert_row(target, canvas->format, strip->pixels + i * strip->pitch, strip->row,
			strip->count);
	}
	if (in_place)
		return;
	switch (pixel) {
#define CASE(bytes)                                \
	case bytes:                                \
		scatter(canvas, to, strip, bytes); \
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
