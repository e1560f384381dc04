/*
 * An image of the library as a texture of GTK's.
 * See texture.h for what it does and never does.
 */
#include "client/viewer/texture.h"

#include <string.h>

static void unmap(gpointer image)
{
	shmimg_unref(image);
}

/* The pixels where they are mapped; the last to let go of the bytes unmaps them. */
static GdkTexture *wrap(shmimg_image *image, GdkMemoryFormat format)
{
	gsize stride = shmimg_stride(image);
	g_autoptr(GBytes) bytes = g_bytes_new_with_free_func(
		shmimg_pixels(image), stride * shmimg_height(image), unmap, image);
	return gdk_memory_texture_new(
		(int)shmimg_width(image), (int)shmimg_height(image), format, bytes, stride);
}

/* GTK 4.8 has no grey formats: each grey is there three times, so that these are copied. */
static gboolean is_grey(const shmimg_image *image)
{
	enum shmimg_format format = shmimg_image_format(image);
	return format == SHMIMG_GRAY8 || format == SHMIMG_GRAY16;
}

static GdkMemoryFormat format_of(const shmimg_image *image)
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

/*
 * A texture of chosen pixels: that in column i and row j is a copy of the image's in column
 * columns[i] and row rows[j].
 */
static GdkTexture *copy(const shmimg_image *image, const gsize *columns, gsize width,
	const gsize *rows, gsize height)
{
	gsize bytes = shmimg_format_bytes(shmimg_image_format(image));
	gsize times = is_grey(image) ? 3 : 1;
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
	return gdk_memory_texture_new((int)width, (int)height, format_of(image), taken, stride);
}

/* count places, from first on, in steps of step, none past size. */
static gsize *places(gsize count, double first, double step, gsize size)
{
	gsize *found = g_new(gsize, count);
	for (gsize i = 0; i < count; i++)
		found[i] = MIN((gsize)(first + (double)i * step), size - 1);
	return found;
}

static GdkTexture *pick(
	const shmimg_image *image, double step, double x, double y, gsize width, gsize height)
{
	g_autofree gsize *columns = places(width, x * step, step, shmimg_width(image));
	g_autofree gsize *rows = places(height, y * step, step, shmimg_height(image));
	return copy(image, columns, width, rows, height);
}

GdkTexture *texture_of_image(shmimg_image *image)
{
	GdkTexture *texture;
	if (is_grey(image)) {
		texture = pick(image, 1, 0, 0, shmimg_width(image), shmimg_height(image));
		g_object_set_data_full(G_OBJECT(texture), "image", image, unmap);
	} else {
		texture = wrap(image, format_of(image));
		g_object_set_data(G_OBJECT(texture), "image", image);
	}
	return texture;
}

const shmimg_image *texture_image(GdkTexture *texture)
{
	return g_object_get_data(G_OBJECT(texture), "image");
}

gboolean texture_has_alpha(GdkTexture *texture)
{
	enum shmimg_format format = shmimg_image_format(texture_image(texture));
	return format == SHMIMG_RGBA8 || format == SHMIMG_BGRA8_PREMUL || format == SHMIMG_RGBA16;
}

GdkTexture *texture_magnify(
	GdkTexture *texture, double zoom, gsize x, gsize y, gsize width, gsize height)
{
	/* The middle of a pixel of the screen decides, not its edge. */
	return pick(
		texture_image(texture), 1 / zoom, (double)x + 0.5, (double)y + 0.5, width, height);
}

/* The middle one of each group of pixels: a picture for finding one's way, quickly made. */
GdkTexture *texture_thumbnail(const shmimg_image *image, guint side)
{
	gsize width = shmimg_width(image), height = shmimg_height(image);
	double step = MAX(1, (double)MAX(width, height) / side);
	return pick(image, step, 0.5, 0.5, MAX(1, (gsize)((double)width / step)),
		MAX(1, (gsize)((double)height / step)));
}
