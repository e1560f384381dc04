/*
 * Rows of pixels in other forms.
 */
#include "client/ctl/raster.h"

unsigned raster_channels(const struct raster *raster)
{
	switch (raster->format) {
	case FORMAT_GRAY8:
	case FORMAT_GRAY16:
		return 1;
	case FORMAT_RGB8:
		return 3;
	default:
		return 4;
	}
}

unsigned raster_depth(const struct raster *raster)
{
	return 8 * format_pixel_bytes(raster->format) / raster_channels(raster);
}

size_t raster_row_bytes(const struct raster *raster)
{
	return (size_t)raster->width * format_pixel_bytes(raster->format);
}

const void *raster_row(const struct raster *raster, uint32_t y)
{
	return (const uint8_t *)raster->pixels + y * raster->stride;
}

/* Undoes colour x alpha / 255, rounded. */
static uint8_t raster_unmultiply(unsigned value, unsigned alpha)
{
	if (alpha == 0)
		return 0;
	unsigned straight = (value * 255 + alpha / 2) / alpha;
	return (uint8_t)(straight > 255 ? 255 : straight);
}

const void *raster_straight_row(const struct raster *raster, uint32_t y, void *scratch)
{
	const uint8_t *in = raster_row(raster, y);
	if (raster->format != FORMAT_BGRA8_PREMUL)
		return in;
	uint8_t *out = scratch;
	for (uint32_t x = 0; x < raster->width; x++, in += 4, out += 4) {
		out[0] = raster_unmultiply(in[2], in[3]);
		out[1] = raster_unmultiply(in[1], in[3]);
		out[2] = raster_unmultiply(in[0], in[3]);
		out[3] = in[3];
	}
	return scratch;
}

/* 16 bits to 8, rounded. */
static uint8_t raster_narrow(unsigned value)
{
	return (uint8_t)((value * 255 + 32767) / 65535);
}

void raster_plain_row(const struct raster *raster, uint32_t y, void *scratch, uint8_t *out)
{
	const uint8_t *row = raster_straight_row(raster, y, scratch);
	const uint16_t *wide = (const uint16_t *)(const void *)row;
	unsigned channels = raster_channels(raster);
	unsigned kept = channels < 3 ? channels : 3;
	bool is_wide = raster_depth(raster) == 16;
	for (size_t x = 0; x < raster->width; x++) {
		for (size_t i = 0; i < kept; i++) {
			size_t at = x * channels + i;
			*out++ = is_wide ? raster_narrow(wide[at]) : row[at];
		}
	}
}

void raster_rgba_row(const struct raster *raster, uint32_t y, void *scratch, uint8_t *out)
{
	const uint8_t *row = raster_straight_row(raster, y, scratch);
	const uint16_t *wide = (const uint16_t *)(const void *)row;
	unsigned channels = raster_channels(raster);
	bool is_wide = raster_depth(raster) == 16;
	for (size_t x = 0; x < raster->width; x++) {
		uint8_t values[4];
		for (size_t i = 0; i < channels; i++) {
			size_t at = x * channels + i;
			values[i] = is_wide ? raster_narrow(wide[at]) : row[at];
		}
		*out++ = values[0];
		*out++ = values[channels < 3 ? 0 : 1];
		*out++ = values[channels < 3 ? 0 : 2];
		*out++ = channels == 4 ? values[3] : 255;
	}
}

static bool raster_row_is_opaque(const struct raster *raster, uint32_t y)
{
	const uint8_t *row = raster_row(raster, y);
	const uint16_t *wide = (const uint16_t *)(const void *)row;
	bool is_wide = raster_depth(raster) == 16;
	for (size_t x = 0; x < raster->width; x++) {
		if (is_wide ? wide[x * 4 + 3] != 0xffff : row[x * 4 + 3] != 0xff)
			return false;
	}
	return true;
}

bool raster_is_opaque(const struct raster *raster)
{
	if (raster_channels(raster) != 4)
		return true;
	for (uint32_t y = 0; y < raster->height; y++) {
		if (!raster_row_is_opaque(raster, y))
			return false;
	}
	return true;
}
