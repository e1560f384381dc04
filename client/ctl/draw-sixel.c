/*
 * Draws in sixels (DEC, VT330/VT340 Programmer Reference Manual, volume 2, chapter 14): bands of
 * six rows, and in each band one colour after the other.
 */
#include <stdlib.h>
#include <string.h>

#include "client/ctl/draw.h"
#include "client/ctl/memory.h"
#include "client/ctl/palette.h"

enum { BAND = 6 };

/* A band: for each colour a byte for each column; its bits are the rows from the top. */
struct band {
	uint32_t width;
	bool used[PALETTE_MAX];
	uint8_t *columns; /* PALETTE_MAX x width */
};

static uint8_t *draw_sixel_columns(const struct band *band, unsigned colour)
{
	return band->columns + (size_t)colour * band->width;
}

static void draw_sixel_fill_band(
	struct band *band, const struct pixmap *pixmap, const struct palette *palette, uint32_t top)
{
	memset(band->used, 0, sizeof(band->used));
	for (uint32_t row = 0; row < BAND && top + row < pixmap->height; row++) {
		for (uint32_t x = 0; x < pixmap->width; x++) {
			unsigned colour = palette_index(palette, pixmap_at(pixmap, x, top + row));
			uint8_t *columns = draw_sixel_columns(band, colour);
			if (!band->used[colour])
				memset(columns, 0, band->width);
			band->used[colour] = true;
			columns[x] |= (uint8_t)(1u << row);
		}
	}
}

static void draw_sixel_put_run(FILE *out, uint8_t bits, uint32_t count)
{
	if (count > 3)
		fprintf(out, "!%u%c", (unsigned)count, '?' + bits);
	else
		while (count-- > 0)
			fputc('?' + bits, out);
}

/* Leaves out the empty end of a line. */
static void draw_sixel_put_colour(FILE *out, const struct band *band, unsigned colour)
{
	const uint8_t *columns = draw_sixel_columns(band, colour);
	uint32_t begin = 0;
	fprintf(out, "#%u", colour);
	for (uint32_t x = 1; x < band->width; x++) {
		if (columns[x] == columns[begin])
			continue;
		draw_sixel_put_run(out, columns[begin], x - begin);
		begin = x;
	}
	if (columns[begin])
		draw_sixel_put_run(out, columns[begin], band->width - begin);
}

static void draw_sixel_put_band(FILE *out, const struct band *band, unsigned colours)
{
	bool begun = false;
	for (unsigned colour = 0; colour < colours; colour++) {
		if (!band->used[colour])
			continue;
		if (begun)
			fputc('$', out);
		draw_sixel_put_colour(out, band, colour);
		begun = true;
	}
}

static int draw_sixel_percent(uint8_t value)
{
	return (value * 100 + 127) / 255;
}

static void draw_sixel_put_palette(FILE *out, const struct palette *palette)
{
	for (unsigned i = 0; i < palette->count; i++)
		fprintf(out, "#%u;2;%d;%d;%d", i, draw_sixel_percent(palette->colours[i][0]),
			draw_sixel_percent(palette->colours[i][1]),
			draw_sixel_percent(palette->colours[i][2]));
}

int draw_sixel(const struct drawing *drawing)
{
	const struct pixmap *pixmap = drawing->pixmap;
	struct palette *palette = palette_make(pixmap);
	struct band band = {.width = pixmap->width};
	band.columns = memory_array(PALETTE_MAX, pixmap->width);
	/* Pixels are square; pixels that are not drawn keep the background. */
	fprintf(drawing->out, "\033P0;1;0q\"1;1;%u;%u", (unsigned)pixmap->width,
		(unsigned)pixmap->height);
	draw_sixel_put_palette(drawing->out, palette);
	for (uint32_t top = 0; top < pixmap->height; top += BAND) {
		if (top)
			fputc('-', drawing->out);
		draw_sixel_fill_band(&band, pixmap, palette, top);
		draw_sixel_put_band(drawing->out, &band, palette->count);
	}
	fputs("\033\\\n", drawing->out);
	free(band.columns);
	free(palette);
	return 0;
}
