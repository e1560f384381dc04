/*
 * Pixels of an image made fewer: some of them mixed into each. Knows nothing of GTK.
 */
#pragma once

#include <glib.h>

#include "client/include/shmimg.h"

/* The most pixels of each column and row of the image that are mixed into one. */
enum { REDUCE_MOST = 4 };

/*
 * width x height pixels of 4 bytes: red, green, blue, which alpha is multiplied into, alpha.
 * That in column i and row j is the mean of times x times ones of the image: of those in its
 * columns from columns[times * i] on and its rows from rows[times * j] on. times is from 1 to
 * REDUCE_MOST. Returns them, for g_free().
 */
guint8 *reduce(const shmimg_image *image, gsize times, const gsize *columns, gsize width,
	const gsize *rows, gsize height);
