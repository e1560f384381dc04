/*
 * Scaling while decoding.
 *
 * A strip goes through four steps: conversion to a format that both the file and the segment
 * can express (no alpha if one of them has none, grey if one of them is grey), conversion to
 * linear floats (linear.h), the filter (resample.h), and conversion back. The samples are taken
 * for sRGB's, whatever profile the picture has.
 *
 * A Lanczos filter of a picture that is many times larger reaches over hundreds of rows. So
 * whole numbers of pixels are averaged first, in both directions, until the filter has between
 * AVERAGED and twice as many pixels for one of its own. Averaging costs far less
 * than the filter.
 *
 * Memory is that of the rows which the filter reaches over. Only if the rows of the file are not
 * in order (an interlaced PNG), the whole picture is kept and scaled at the end.
 */
#include "config.h"

#include "daemon/decoder/pixel/scale.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/decoder/pixel/convert.h"
#include "daemon/decoder/pixel/linear.h"
#include "daemon/decoder/pixel/resample.h"

/* Averaging leaves at least so many pixels, in each direction, to one of the result. */
enum { AVERAGED = 16 };

struct scale {
	scale_draw *draw;
	void *context;
	uint32_t width, height; /* as the codec delivers it */
	uint32_t to_width;
	enum format format; /* of rows before the filter */
	struct linear_samples source, target;
	enum row target_row;
	uint32_t step_x, step_y; /* pixels that are averaged to one before the filter */
	uint32_t taken;		 /* rows of the source so far */
	unsigned pending;	 /* rows for the next resample_push() */
	uint32_t drawn;		 /* rows of the result so far */
	int error;
	struct resample *resample;
	uint8_t *row;	/* a row in the format */
	uint8_t *whole; /* the picture in the format, if its rows are not in order */
	uint8_t *strip; /* rows of the result */
};

void scale_prepare(void)
{
	linear_prepare();
	resample_prepare();
}

/*
 * Before the filter: the channels that file and segment have in common, in the larger depth.
 * After it: the depth of the segment; but 16 bits if colours are still to be premultiplied,
 * for there would be two roundings otherwise.
 */
static void scale_choose_formats(struct scale *scale, enum format native, enum format format)
{
	static const enum row narrow[] = {ROW_GRAY8, ROW_RGB8, ROW_RGBA8};
	static const enum row wide[] = {ROW_GRAY16, ROW_RGB16, ROW_RGBA16};
	bool grey = format_is_grey(native) || format_is_grey(format);
	bool alpha = !grey && format_has_alpha(native) && format_has_alpha(format);
	bool wide_source = format_is_wide(native) || format_is_wide(format);
	bool wide_target = format_is_wide(format) || (alpha && format == FORMAT_BGRA8_PREMUL);
	if (wide_source)
		scale->format = grey ? FORMAT_GRAY16 : FORMAT_RGBA16;
	else
		scale->format = grey ? FORMAT_GRAY8 : alpha ? FORMAT_RGBA8 : FORMAT_RGB8;
	unsigned planes = grey ? 1 : alpha ? 4 : 3;
	unsigned channels = format_pixel_bytes(scale->format) >> wide_source;
	scale->source = (struct linear_samples){channels, planes, wide_source};
	scale->target = (struct linear_samples){planes, planes, wide_target};
	scale->target_row = (wide_target ? wide : narrow)[grey ? 0 : planes - 2];
}

/* How many pixels are averaged to one before the filter. */
static uint32_t scale_step_for(uint32_t from, uint32_t to)
{
	uint32_t step = from / to / AVERAGED;
	return step > 0 ? step : 1;
}

static int scale_allocate(struct scale *scale, const struct picture *picture)
{
	size_t pixel = format_pixel_bytes(scale->format);
	scale->row = reallocarray(NULL, scale->width, pixel);
	scale->strip = reallocarray(NULL, scale->to_width,
		(size_t)STRIP_ROWS * (scale->target.planes << scale->target.wide));
	if (!scale->row || !scale->strip)
		return -ENOMEM;
	if (picture->in_order)
		return 0;
	scale->whole = calloc(scale->height, scale->width * pixel);
	return scale->whole ? 0 : -ENOMEM;
}

static uint32_t scale_divide_up(uint32_t size, uint32_t step)
{
	return size / step + (size % step > 0);
}

int scale_open(struct scale **opened, const struct picture *picture, enum format format,
	scale_draw *draw, void *context)
{
	struct scale *scale = calloc(1, sizeof(*scale));
	*opened = scale;
	if (!scale)
		return -ENOMEM;
	scale->draw = draw;
	scale->context = context;
	scale->width = picture_part(picture->width, picture->eighths);
	scale->height = picture_part(picture->height, picture->eighths);
	scale->to_width = picture->fitted_width;
	scale_choose_formats(scale, picture->native, format);
	scale->step_x = scale_step_for(scale->width, picture->fitted_width);
	scale->step_y = scale_step_for(scale->height, picture->fitted_height);
	const struct resample_size from = {
		.width = scale_divide_up(scale->width, scale->step_x),
		.height = scale_divide_up(scale->height, scale->step_y),
		.extent_x = (double)picture->width * picture->eighths / EIGHTHS / scale->step_x,
		.extent_y = (double)picture->height * picture->eighths / EIGHTHS / scale->step_y,
	};
	int result = scale_allocate(scale, picture);
	if (result < 0)
		return result;
	return resample_open(&scale->resample, scale->source.planes, &from, picture->fitted_width,
		picture->fitted_height);
}

enum format scale_format(const struct scale *scale)
{
	return scale->format;
}

/* ---- Rows ---- */

static void scale_draw_rows(struct scale *scale, unsigned count)
{
	size_t pitch = (size_t)scale->to_width * (scale->target.planes << scale->target.wide);
	for (unsigned y = 0; y < count; y++) {
		const float *planes[LINEAR_PLANES] = {NULL};
		for (unsigned i = 0; i < scale->target.planes; i++)
			planes[i] = resample_output_row(scale->resample, i, y);
		linear_store(scale->strip + y * pitch, &scale->target, planes, scale->to_width);
	}
	const struct strip strip = {.pixels = scale->strip,
		.pitch = pitch,
		.row = scale->target_row,
		.rows = count,
		.count = scale->to_width,
		.y = scale->drawn,
		.step = 1};
	scale->draw(scale->context, &strip);
	scale->drawn += count;
}

/* Gives the pending rows to the filter, and draws the rows that it makes. */
static int scale_flush(struct scale *scale)
{
	int count = resample_push(scale->resample, scale->pending);
	scale->pending = 0;
	if (count < 0)
		return count;
	while ((count = resample_pull(scale->resample)) > 0)
		scale_draw_rows(scale, (unsigned)count);
	return count;
}

/* Adds a row, in the format, to the row of averages that it belongs to. */
static int scale_add_row(struct scale *scale, const uint8_t *pixels)
{
	uint32_t part = scale->taken % scale->step_y;
	uint32_t parts = scale->height - (scale->taken - part);
	float *planes[LINEAR_PLANES] = {NULL};
	if (parts > scale->step_y)
		parts = scale->step_y;
	for (unsigned i = 0; i < scale->source.planes; i++)
		planes[i] = resample_input_row(scale->resample, i, scale->pending);
	const struct linear_share weight = {scale->step_x, 1.0f / (float)parts, part == 0};
	linear_add(planes, pixels, &scale->source, scale->width, weight);
	scale->taken++;
	if (part + 1 < parts)
		return 0;
	scale->pending++;
	return scale->pending == RESAMPLE_ROWS || scale->taken == scale->height ? scale_flush(scale)
										: 0;
}

/* ---- Strips ---- */

static const uint8_t *scale_convert(struct scale *scale, const struct strip *strip, uint32_t row)
{
	const uint8_t *pixels = strip->pixels + row * strip->pitch;
	if (convert_is_same(strip->row, scale->format))
		return pixels;
	convert_row(scale->row, scale->format, pixels, strip->row, strip->count);
	return scale->row;
}

static void scale_keep(struct scale *scale, const struct strip *strip, uint32_t row)
{
	size_t pixel = format_pixel_bytes(scale->format);
	const uint8_t *from = scale_convert(scale, strip, row);
	uint8_t *to = scale->whole + ((size_t)(strip->y + row) * scale->width + strip->x) * pixel;
	for (uint32_t i = 0; i < strip->count; i++, from += pixel, to += strip->step * pixel)
		memcpy(to, from, pixel);
}

void scale_put(struct scale *scale, const struct strip *strip)
{
	for (uint32_t row = 0; row < strip->rows && scale->error == 0; row++) {
		if (scale->whole)
			scale_keep(scale, strip, row);
		else
			scale->error = scale_add_row(scale, scale_convert(scale, strip, row));
	}
}

int scale_finish(struct scale *scale)
{
	size_t pitch = scale->width * format_pixel_bytes(scale->format);
	for (uint32_t y = 0; scale->whole && y < scale->height && scale->error == 0; y++)
		scale->error = scale_add_row(scale, scale->whole + y * pitch);
	return scale->error;
}

void scale_close(struct scale *scale)
{
	if (!scale)
		return;
	resample_close(scale->resample);
	free(scale->row);
	free(scale->whole);
	free(scale->strip);
	free(scale);
}
