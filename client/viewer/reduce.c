/*
 * Means of pixels, in integers.
 */
#include "client/viewer/reduce.h"

/* A full sample in sums: 255 x 255 for 8 bits, 65535 for 16 bits. */
enum { WHOLE8 = 255 * 255, WHOLE16 = 65535 };

/* Adds a pixel, premultiplied, to the sums of red, green, blue and alpha. */
typedef void (*adder)(const guint8 *pixel, guint32 *sums);

static inline void reduce_add_rgba8(const guint8 *pixel, guint32 *sums)
{
	guint32 alpha = pixel[3];
	sums[0] += pixel[0] * alpha;
	sums[1] += pixel[1] * alpha;
	sums[2] += pixel[2] * alpha;
	sums[3] += alpha * 255;
}

static inline void reduce_add_bgra8_premul(const guint8 *pixel, guint32 *sums)
{
	sums[0] += pixel[2] * 255u;
	sums[1] += pixel[1] * 255u;
	sums[2] += pixel[0] * 255u;
	sums[3] += pixel[3] * 255u;
}

static inline void reduce_add_rgb8(const guint8 *pixel, guint32 *sums)
{
	sums[0] += pixel[0] * 255u;
	sums[1] += pixel[1] * 255u;
	sums[2] += pixel[2] * 255u;
	sums[3] += WHOLE8;
}

static inline void reduce_add_grey8(const guint8 *pixel, guint32 *sums)
{
	for (int i = 0; i < 3; i++)
		sums[i] += pixel[0] * 255u;
	sums[3] += WHOLE8;
}

static inline void reduce_add_rgba16(const guint8 *pixel, guint32 *sums)
{
	const guint16 *values = (const guint16 *)(const void *)pixel;
	guint32 alpha = values[3];
	for (int i = 0; i < 3; i++)
		sums[i] += values[i] * alpha / WHOLE16;
	sums[3] += alpha;
}

static inline void reduce_add_grey16(const guint8 *pixel, guint32 *sums)
{
	const guint16 *value = (const guint16 *)(const void *)pixel;
	for (int i = 0; i < 3; i++)
		sums[i] += *value;
	sums[3] += WHOLE16;
}

struct grid {
	const guint8 *pixels;
	gsize stride;
	gsize bytes; /* of a pixel */
	gsize times;
	const gsize *columns;
	gsize width;
	guint32 whole;
};

/* Makes one row of the result. Inlined for each format: all the time is spent here. */
static inline __attribute__((always_inline)) void reduce_row(
	const struct grid *grid, const gsize *rows, guint8 *out, adder add)
{
	const gsize times = grid->times;
	const guint32 divisor = (guint32)(times * times) * (grid->whole / 255);
	for (gsize i = 0; i < grid->width; i++, out += 4) {
		guint32 sums[4] = {divisor / 2, divisor / 2, divisor / 2, divisor / 2};
		for (gsize j = 0; j < times; j++) {
			const guint8 *row = grid->pixels + rows[j] * grid->stride;
			for (gsize k = 0; k < times; k++)
				add(row + grid->columns[i * times + k] * grid->bytes, sums);
		}
		for (int n = 0; n < 4; n++)
			out[n] = (guint8)(sums[n] / divisor);
	}
}

static void reduce_any_row(
	const struct grid *grid, enum shmimg_format format, const gsize *rows, guint8 *out)
{
	switch (format) {
	case SHMIMG_RGBA8:
		reduce_row(grid, rows, out, reduce_add_rgba8);
		break;
	case SHMIMG_BGRA8_PREMUL:
		reduce_row(grid, rows, out, reduce_add_bgra8_premul);
		break;
	case SHMIMG_RGB8:
		reduce_row(grid, rows, out, reduce_add_rgb8);
		break;
	case SHMIMG_GRAY8:
		reduce_row(grid, rows, out, reduce_add_grey8);
		break;
	case SHMIMG_RGBA16:
		reduce_row(grid, rows, out, reduce_add_rgba16);
		break;
	default:
		reduce_row(grid, rows, out, reduce_add_grey16);
		break;
	}
}

guint8 *reduce(const shmimg_image *image, gsize times, const gsize *columns, gsize width,
	const gsize *rows, gsize height)
{
	enum shmimg_format format = shmimg_image_format(image);
	gboolean is_deep = format == SHMIMG_RGBA16 || format == SHMIMG_GRAY16;
	const struct grid grid = {.pixels = shmimg_pixels(image),
		.stride = shmimg_stride(image),
		.bytes = shmimg_format_bytes(format),
		.times = times,
		.columns = columns,
		.width = width,
		.whole = is_deep ? WHOLE16 : WHOLE8};
	guint8 *pixels = g_malloc_n(height, width * 4);
	for (gsize j = 0; j < height; j++)
		reduce_any_row(&grid, format, rows + j * times, pixels + j * width * 4);
	return pixels;
}
