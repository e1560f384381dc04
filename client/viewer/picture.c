/*
 * Textures of an image. At a zoom of 1 a texture uses the mapped pixels; above it copies the
 * nearest pixel for each pixel of the screen; below it mixes up to REDUCE_MAX x REDUCE_MAX pixels.
 */
#include "client/viewer/picture.h"

#include <math.h>
#include <string.h>

#include "client/viewer/reduce.h"

/* At most the page size of any machine: reading every 4096th byte reads each page. */
enum { PAGE = 4096 };

struct picture {
	shmimg_image *image;
};

struct picture *picture_new(shmimg_image *image)
{
	struct picture *picture = g_atomic_rc_box_new(struct picture);
	picture->image = image;
	return picture;
}

struct picture *picture_ref(struct picture *picture)
{
	return g_atomic_rc_box_acquire(picture);
}

static void picture_free(gpointer picture)
{
	shmimg_unref(((struct picture *)picture)->image);
}

void picture_unref(struct picture *picture)
{
	if (picture)
		g_atomic_rc_box_release_full(picture, picture_free);
}

static void picture_unref_data(gpointer picture)
{
	picture_unref(picture);
}

const shmimg_image *picture_image(const struct picture *picture)
{
	return picture->image;
}

int picture_width(const struct picture *picture)
{
	return (int)shmimg_width(picture->image);
}

int picture_height(const struct picture *picture)
{
	return (int)shmimg_height(picture->image);
}

gboolean picture_has_alpha(const struct picture *picture)
{
	enum shmimg_format format = shmimg_image_format(picture->image);
	return format == SHMIMG_RGBA8 || format == SHMIMG_BGRA8_PREMUL || format == SHMIMG_RGBA16;
}

void picture_read(const struct picture *picture)
{
	const volatile guint8 *pixels = shmimg_pixels(picture->image);
	gsize size = shmimg_stride(picture->image) * shmimg_height(picture->image);
	for (gsize i = 0; i < size; i += PAGE)
		(void)pixels[i];
}

/* GTK 4.8 has no grey formats: grey images are copied, as red, green and blue. */
static gboolean picture_is_grey(const shmimg_image *image)
{
	enum shmimg_format format = shmimg_image_format(image);
	return format == SHMIMG_GRAY8 || format == SHMIMG_GRAY16;
}

static GdkMemoryFormat picture_format_of(const shmimg_image *image)
{
	static const GdkMemoryFormat formats[] = {
		[SHMIMG_RGBA8] = GDK_MEMORY_R8G8B8A8,
		[SHMIMG_BGRA8_PREMUL] = GDK_MEMORY_B8G8R8A8_PREMULTIPLIED,
		[SHMIMG_RGB8] = GDK_MEMORY_R8G8B8,
		[SHMIMG_GRAY8] = GDK_MEMORY_R8G8B8,
		[SHMIMG_RGBA16] = GDK_MEMORY_R16G16B16A16,
		[SHMIMG_GRAY16] = GDK_MEMORY_R16G16B16,
	};
	return formats[shmimg_image_format(image)];
}

/* A texture of the mapped pixels; it holds a reference to the picture. */
static GdkTexture *picture_wrap(
	struct picture *picture, gsize x, gsize y, gsize width, gsize height)
{
	const shmimg_image *image = picture->image;
	gsize bytes = shmimg_format_bytes(shmimg_image_format(image));
	gsize stride = shmimg_stride(image);
	const guint8 *first = (const guint8 *)shmimg_pixels(image) + y * stride + x * bytes;
	g_autoptr(GBytes) mapped = g_bytes_new_with_free_func(first,
		(height - 1) * stride + width * bytes, picture_unref_data, picture_ref(picture));
	return gdk_memory_texture_new(
		(int)width, (int)height, picture_format_of(image), mapped, stride);
}

/*
 * A texture of chosen pixels: its pixel in column i and row j is a copy of the image's pixel in
 * column columns[i] and row rows[j].
 */
static GdkTexture *picture_copy(const shmimg_image *image, const gsize *columns, gsize width,
	const gsize *rows, gsize height)
{
	gsize bytes = shmimg_format_bytes(shmimg_image_format(image));
	gsize times = picture_is_grey(image) ? 3 : 1;
	gsize stride = width * bytes * times;
	guint8 *pixels = g_malloc_n(height, stride);
	guint8 *out = pixels;
	for (gsize j = 0; j < height; j++) {
		if (j > 0 && rows[j] == rows[j - 1]) {
			memcpy(out, out - stride, stride);
			out += stride;
			continue;
		}
		const guint8 *row =
			(const guint8 *)shmimg_pixels(image) + rows[j] * shmimg_stride(image);
		for (gsize i = 0; i < width; i++) {
			for (gsize n = 0; n < times; n++, out += bytes)
				memcpy(out, row + columns[i] * bytes, bytes);
		}
	}
	g_autoptr(GBytes) taken = g_bytes_new_take(pixels, height * stride);
	return gdk_memory_texture_new(
		(int)width, (int)height, picture_format_of(image), taken, stride);
}

/* count indices below size, from first on, in steps of step. */
static gsize *picture_make_indices(gsize count, double first, double step, gsize size)
{
	gsize *found = g_new(gsize, count);
	for (gsize i = 0; i < count; i++)
		found[i] = MIN((gsize)(first + (double)i * step), size - 1);
	return found;
}

/* Picks the pixel of the image under the middle of each pixel; (x, y) is the first middle. */
static GdkTexture *picture_pick(
	const shmimg_image *image, double step, double x, double y, gsize width, gsize height)
{
	g_autofree gsize *columns =
		picture_make_indices(width, x * step, step, shmimg_width(image));
	g_autofree gsize *rows = picture_make_indices(height, y * step, step, shmimg_height(image));
	return picture_copy(image, columns, width, rows, height);
}

/*
 * Mixes each pixel of the screen from pixels of the image that are evenly spaced in it: as many
 * each way as it covers, but at most REDUCE_MAX, so that the window's size bounds the work.
 */
static GdkTexture *picture_mix(
	const shmimg_image *image, double zoom, gsize x, gsize y, gsize width, gsize height)
{
	gsize times = (gsize)MIN(ceil(1 / zoom), REDUCE_MAX);
	double step = 1 / zoom / (double)times;
	g_autofree gsize *columns = picture_make_indices(
		width * times, ((double)(x * times) + 0.5) * step, step, shmimg_width(image));
	g_autofree gsize *rows = picture_make_indices(
		height * times, ((double)(y * times) + 0.5) * step, step, shmimg_height(image));
	guint8 *pixels = reduce(image, times, columns, width, rows, height);
	g_autoptr(GBytes) taken = g_bytes_new_take(pixels, height * width * 4);
	return gdk_memory_texture_new(
		(int)width, (int)height, GDK_MEMORY_R8G8B8A8_PREMULTIPLIED, taken, width * 4);
}

GdkTexture *picture_part(
	struct picture *picture, double zoom, gsize x, gsize y, gsize width, gsize height)
{
	if (zoom < 1)
		return picture_mix(picture->image, zoom, x, y, width, height);
	if (zoom > 1 || picture_is_grey(picture->image))
		return picture_pick(
			picture->image, 1 / zoom, (double)x + 0.5, (double)y + 0.5, width, height);
	return picture_wrap(picture, x, y, width, height);
}

/* The middle pixel of each group: less smooth than mixing, but fast. */
GdkTexture *picture_thumbnail(const shmimg_image *image, guint side)
{
	gsize width = shmimg_width(image), height = shmimg_height(image);
	double step = MAX(1, (double)MAX(width, height) / side);
	return picture_pick(image, step, 0.5, 0.5, MAX(1, (gsize)((double)width / step)),
		MAX(1, (gsize)((double)height / step)));
}
