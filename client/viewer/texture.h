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
