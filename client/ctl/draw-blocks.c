/*
 * Draws with characters, which every terminal can show. A half block has two pixels, in the colours
 * of the character and of its background: 24 bits, or xterm's 256 colours. In plain mode a
 * character is one pixel.
 */
#include <stdlib.h>
#include <string.h>

#include "client/ctl/draw.h"

#define UPPER_HALF "\xe2\x96\x80" /* U+2580 */

typedef void (*colour_writer)(FILE *out, int layer, const uint8_t *pixel);

/* SGR: layer 3 is the character's colour, layer 4 its background. */
static void draw_blocks_write_direct(FILE *out, int layer, const uint8_t *pixel)
{
	fprintf(out, "\033[%d8;2;%d;%d;%dm", layer, pixel[0], pixel[1], pixel[2]);
}

/* The nearest of the six steps of a channel in xterm's cube: 0, 95, 135, 175, 215, 255. */
static int draw_blocks_step_of(int value)
{
	return value < 48 ? 0 : value < 115 ? 1 : (value - 35) / 40;
}

static int draw_blocks_step_value(int step)
{
	return step ? 55 + 40 * step : 0;
}

static int draw_blocks_distance(const uint8_t *pixel, int red, int green, int blue)
{
	int differences[3] = {pixel[0] - red, pixel[1] - green, pixel[2] - blue};
	return differences[0] * differences[0] + differences[1] * differences[1] +
	       differences[2] * differences[2];
}

/* Colours 16 to 231 are a cube of 6 x 6 x 6, 232 to 255 greys from 8 to 238. */
static int draw_blocks_indexed(const uint8_t *pixel)
{
	int red = draw_blocks_step_of(pixel[0]), green = draw_blocks_step_of(pixel[1]),
	    blue = draw_blocks_step_of(pixel[2]);
	int mean = (pixel[0] + pixel[1] + pixel[2]) / 3;
	int grey = mean < 8 ? 0 : mean > 238 ? 23 : (mean - 3) / 10;
	int level = 8 + 10 * grey;
	if (draw_blocks_distance(pixel, level, level, level) <
		draw_blocks_distance(pixel, draw_blocks_step_value(red),
			draw_blocks_step_value(green), draw_blocks_step_value(blue)))
		return 232 + grey;
	return 16 + 36 * red + 6 * green + blue;
}

static void draw_blocks_write_indexed(FILE *out, int layer, const uint8_t *pixel)
{
	fprintf(out, "\033[%d8;5;%dm", layer, draw_blocks_indexed(pixel));
}

/* Writes a colour, unless it is the same as the last one. */
static void draw_blocks_set_colour(
	FILE *out, int layer, const uint8_t *pixel, const uint8_t **last, colour_writer write)
{
	if (!*last || memcmp(*last, pixel, 3) != 0)
		write(out, layer, pixel);
	*last = pixel;
}

static void draw_blocks_line(
	FILE *out, const struct pixmap *pixmap, uint32_t y, colour_writer write)
{
	const uint8_t *upper = NULL, *lower = NULL;
	for (uint32_t x = 0; x < pixmap->width; x++) {
		draw_blocks_set_colour(out, 3, pixmap_at(pixmap, x, y), &upper, write);
		if (y + 1 < pixmap->height)
			draw_blocks_set_colour(out, 4, pixmap_at(pixmap, x, y + 1), &lower, write);
		fputs(UPPER_HALF, out);
	}
	fputs("\033[0m\n", out);
}

int draw_blocks(const struct drawing *drawing)
{
	for (uint32_t y = 0; y < drawing->pixmap->height; y += 2)
		draw_blocks_line(drawing->out, drawing->pixmap, y, draw_blocks_write_direct);
	return 0;
}

int draw_blocks256(const struct drawing *drawing)
{
	for (uint32_t y = 0; y < drawing->pixmap->height; y += 2)
		draw_blocks_line(drawing->out, drawing->pixmap, y, draw_blocks_write_indexed);
	return 0;
}

/* Luma of ITU-R BT.601, as in JPEG files. */
static size_t draw_blocks_luma(const uint8_t *pixel)
{
	return (299u * pixel[0] + 587u * pixel[1] + 114u * pixel[2] + 500) / 1000;
}

int draw_plain(const struct drawing *drawing)
{
	static const char shades[] = " .:-=+*#%@";
	for (uint32_t y = 0; y < drawing->pixmap->height; y++) {
		for (uint32_t x = 0; x < drawing->pixmap->width; x++)
			fputc(shades[draw_blocks_luma(pixmap_at(drawing->pixmap, x, y)) * 10 / 256],
				drawing->out);
		fputc('\n', drawing->out);
	}
	return 0;
}
