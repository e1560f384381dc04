/*
 * Scaled pictures: sums of the covered pixels, row by row.
 */
#include "client/ctl/pixmap.h"

#include <stdlib.h>
#include <string.h>

#include "client/ctl/memory.h"

/* The sums of the pixels that a pixel covers: colours times alpha, alpha, and their number. */
struct sum {
	uint64_t colours[3];
	uint64_t alpha;
	uint64_t count;
};

/* The first of size pixels that pixel i of count covers. */
static uint32_t pixmap_begin(uint32_t i, uint32_t count, uint32_t size)
{
	return (uint32_t)((uint64_t)i * size / count);
}

/* The end of the pixels that it covers, which are at least one. */
static uint32_t pixmap_end(uint32_t i, uint32_t count, uint32_t size)
{
	uint32_t begin = pixmap_begin(i, count, size);
	uint32_t end = pixmap_begin(i + 1, count, size);
	return end > begin ? end : begin + 1;
}

static void pixmap_add_row(struct sum *sums, uint32_t width, const uint8_t *rgba, uint32_t size)
{
	for (uint32_t i = 0; i < width; i++) {
		uint32_t end = pixmap_end(i, width, size);
		for (uint32_t x = pixmap_begin(i, width, size); x < end; x++) {
			const uint8_t *pixel = rgba + (size_t)x * 4;
			for (size_t channel = 0; channel < 3; channel++)
				sums[i].colours[channel] += (uint64_t)pixel[channel] * pixel[3];
			sums[i].alpha += pixel[3];
			sums[i].count++;
		}
	}
}

/* Writes the rounded means. */
static void pixmap_put_row(uint8_t *out, const struct sum *sums, uint32_t width)
{
	for (uint32_t i = 0; i < width; i++, out += 4) {
		uint64_t alpha = sums[i].alpha;
		for (size_t channel = 0; channel < 3; channel++) {
			uint64_t colour = sums[i].colours[channel] + alpha / 2;
			out[channel] = (uint8_t)(colour / (alpha ? alpha : 1));
		}
		out[3] = (uint8_t)((alpha + sums[i].count / 2) / sums[i].count);
	}
}

void pixmap_scale(
	struct pixmap *pixmap, const struct raster *raster, uint32_t width, uint32_t height)
{
	struct sum *sums = memory_array(width, sizeof(*sums));
	uint8_t *scratch = memory_array(raster->width, 8);
	uint8_t *rgba = memory_array(raster->width, 4);
	*pixmap = (struct pixmap){width, height, memory_array((size_t)width * height, 4)};
	for (uint32_t y = 0; y < height; y++) {
		uint32_t end = pixmap_end(y, height, raster->height);
		memset(sums, 0, width * sizeof(*sums));
		for (uint32_t row = pixmap_begin(y, height, raster->height); row < end; row++) {
			raster_rgba_row(raster, row, scratch, rgba);
			pixmap_add_row(sums, width, rgba, raster->width);
		}
		pixmap_put_row(pixmap->pixels + (size_t)y * width * 4, sums, width);
	}
	free(rgba);
	free(scratch);
	free(sums);
}

void pixmap_flatten(struct pixmap *pixmap, const uint8_t background[3])
{
	uint8_t *pixel = pixmap->pixels;
	for (size_t left = (size_t)pixmap->width * pixmap->height; left > 0; left--, pixel += 4) {
		unsigned alpha = pixel[3];
		for (size_t channel = 0; channel < 3; channel++)
			pixel[channel] =
				(uint8_t)((pixel[channel] * alpha +
						  background[channel] * (255 - alpha) + 127) /
					  255);
		pixel[3] = 255;
	}
}

const uint8_t *pixmap_at(const struct pixmap *pixmap, uint32_t x, uint32_t y)
{
	return pixmap->pixels + ((size_t)y * pixmap->width + x) * 4;
}

void pixmap_clear(struct pixmap *pixmap)
{
	free(pixmap->pixels);
	*pixmap = (struct pixmap){0};
}
