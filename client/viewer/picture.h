/*
 * An image of the library as a picture on the screen: textures of GTK's with what is seen of
 * it, made from the pixels where they are mapped. No texture is larger than what is seen.
 * Never asks the daemon for anything.
 */
#pragma once

#include <gdk/gdk.h>

#include "client/include/shmimg.h"

/* Shared by all who have a reference, in any thread. */
struct picture;

/* Takes the image over: it lasts as long as the picture does. The picture is the caller's. */
struct picture *picture_new(shmimg_image *image);
struct picture *picture_ref(struct picture *picture);

/* NULL is let pass. */
void picture_unref(struct picture *picture);

/* The image; valid as long as the picture is. */
const shmimg_image *picture_image(const struct picture *picture);
int picture_width(const struct picture *picture);
int picture_height(const struct picture *picture);

/* Whether pixels may be seen through. */
gboolean picture_has_alpha(const struct picture *picture);

/* Reads a bit of every page, so that drawing waits for none. */
void picture_read(const struct picture *picture);

/*
 * A part of the picture at a zoom: width x height pixels of the screen, the first of which is
 * at (x, y) of the whole; all are within. Pixels that are larger than the screen's have sharp
 * edges, smaller ones are mixed. At a zoom of 1 they are shown where they are, without a copy,
 * but for greys, which GTK 4.8 has no formats of. The texture is the caller's.
 */
GdkTexture *picture_part(
	struct picture *picture, double zoom, gsize x, gsize y, gsize width, gsize height);

/* A small copy of an image, no side of which is longer than side. */
GdkTexture *picture_thumbnail(const shmimg_image *image, guint side);
