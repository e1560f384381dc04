/*
 * Reduces an image to fewer pixels, each mixed from several.
 */
#pragma once

#include <glib.h>

#include "client/include/shmimg.h"

/* At most this many columns and rows are mixed into one pixel. */
enum { REDUCE_MAX = 4 };

/*
 * Makes width x height pixels of 4 bytes: premultiplied red, green, blue, then alpha. The pixel in
 * column i and row j is the mean of times x times pixels of the image: columns
 * columns[times * i] to columns[times * i + times - 1], and rows in the same way. times is 1 to
 * REDUCE_MAX. Free the result with g_free().
 */
guint8 *reduce(const shmimg_image *image, gsize times, const gsize *columns, gsize width,
	const gsize *rows, gsize height);
