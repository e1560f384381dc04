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

/* Each grey three times: GTK 4.8 has no grey formats, so that these alone are copied. */
static GdkTexture *triple(shmimg_image *image, GdkMemoryFormat format)
{
	gsize depth = shmimg_format_bytes(shmimg_image_format(image));
	gsize width = shmimg_width(image), height = shmimg_height(image);
	guint8 *copy = g_malloc_n(height, width * 3 * depth);
	guint8 *out = copy;
	const guint8 *row = shmimg_pixels(image);
	for (gsize y = 0; y < height; y++, row += shmimg_stride(image)) {
		for (gsize x = 0; x < 3 * width; x++, out += depth)
			memcpy(out, row + x / 3 * depth, depth);
	}
	g_autoptr(GBytes) bytes = g_bytes_new_take(copy, (gsize)(out - copy));
	GdkTexture *texture =
		gdk_memory_texture_new((int)width, (int)height, format, bytes, width * 3 * depth);
	g_object_set_data_full(G_OBJECT(texture), "image", image, unmap);
	return texture;
}

GdkTexture *texture_of_image(shmimg_image *image)
{
	static const GdkMemoryFormat formats[] = {
		[SHMIMG_RGBA8] = GDK_MEMORY_R8G8B8A8,
		[SHMIMG_BGRA8_PREMUL] = GDK_MEMORY_B8G8R8A8_PREMULTIPLIED,
		[SHMIMG_RGB8] = GDK_MEMORY_R8G8B8,
		[SHMIMG_GRAY8] = GDK_MEMORY_R8G8B8,
		[SHMIMG_RGBA16] = GDK_MEMORY_R16G16B16A16,
		[SHMIMG_GRAY16] = GDK_MEMORY_R16G16B16,
	};
	enum shmimg_format format = shmimg_image_format(image);
	if (format == SHMIMG_GRAY8 || format == SHMIMG_GRAY16)
		return triple(image, formats[format]);
	return wrap(image, formats[format]);
}
