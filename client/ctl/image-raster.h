/*
 * Makes a raster of an image of the library, for writing or drawing its pixels.
 */
#pragma once

#include "client/ctl/raster.h"
#include "client/include/shmimg.h"

/* Valid as long as the image is. */
struct raster image_raster(const shmimg_image *image);
