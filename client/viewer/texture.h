/*
 * An image of the library as a texture of GTK's: the same pixels, where they are, whenever
 * GTK knows their format. Never asks the daemon for anything.
 */
#pragma once

#include <gdk/gdk.h>

#include "client/include/shmimg.h"

/*
 * Takes the image over: it lasts as long as the texture, its mapping as long as GTK needs the
 * pixels. Returns the texture, which is the caller's. May be called in any thread.
 */
GdkTexture *texture_of_image(shmimg_image *image);

/* The image of such a texture; valid as long as the texture is. */
const shmimg_image *texture_image(GdkTexture *texture);

/* Whether pixels may be seen through. */
gboolean texture_has_alpha(GdkTexture *texture);

/*
 * Pixels of such a texture magnified, each a rectangle with sharp edges: width x height of
 * them, the first of which is at (x, y) of the whole at a zoom of 1 or more. All are within.
 */
GdkTexture *texture_magnify(
	GdkTexture *texture, double zoom, gsize x, gsize y, gsize width, gsize height);

/* A small copy of an image, no side of which is longer than side. */
GdkTexture *texture_thumbnail(const shmimg_image *image, guint side);
