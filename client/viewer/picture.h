/*
 * A picture: an image of the library, from whose mapped pixels textures of GTK's are made. A
 * texture is never larger than the visible part of the image.
 */
#pragma once

#include <gdk/gdk.h>

#include "client/include/shmimg.h"

/* Counted references, in any thread. */
struct picture;

/* Makes a picture, which the caller owns. It takes the image over. */
struct picture *picture_new(shmimg_image *image);
struct picture *picture_ref(struct picture *picture);

/* NULL is ignored. */
void picture_unref(struct picture *picture);

/* The image; valid as long as the picture is. */
const shmimg_image *picture_image(const struct picture *picture);
int picture_width(const struct picture *picture);
int picture_height(const struct picture *picture);

/* Whether the format has alpha. */
gboolean picture_has_alpha(const struct picture *picture);

/* Reads a byte of every page, so that drawing does not wait for a page. */
void picture_read(const struct picture *picture);

/*
 * A texture of a part of the zoomed picture: width x height pixels of the screen from (x, y) on,
 * which must be inside the picture. Pixels larger than the screen's get sharp edges; smaller ones
 * are mixed. At a zoom of 1 the texture uses the mapped pixels without a copy, except for greys,
 * for which GTK 4.8 has no format. The caller owns the texture.
 */
GdkTexture *picture_part(
	struct picture *picture, double zoom, gsize x, gsize y, gsize width, gsize height);

/* A small copy of an image; neither side is longer than side. */
GdkTexture *picture_thumbnail(const shmimg_image *image, guint side);
