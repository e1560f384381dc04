/*
 * An image of the library's as plain memory, for what writes or draws pixels.
 */
#pragma once

#include "client/ctl/raster.h"
#include "client/include/shmimg.h"

/* Valid as long as the image is. */
struct raster image_raster(const shmimg_image *image);
