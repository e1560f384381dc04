/*
 * Images of the library as rasters.
 */
#include "client/ctl/image-raster.h"

/* Both enumerations have the numbers of segment headers. */
_Static_assert((int)FORMAT_RGBA8 == (int)SHMIMG_RGBA8, "formats differ");
_Static_assert((int)FORMAT_GRAY16 == (int)SHMIMG_GRAY16, "formats differ");

struct raster image_raster(const shmimg_image *image)
{
	struct raster raster = {.pixels = shmimg_pixels(image),
		.width = shmimg_width(image),
		.height = shmimg_height(image),
		.stride = shmimg_stride(image),
		.format = (enum format)shmimg_image_format(image)};
	raster.icc = shmimg_metadata(image, SHMIMG_ICC, &raster.icc_size);
	return raster;
}
