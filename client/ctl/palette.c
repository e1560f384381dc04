/*
 * Median cut (P. Heckbert, Color Image Quantization for Frame Buffer Display, 1982) of a histogram
 * with 5 bits a channel: the box of colours that differ most is halved until there are 256 boxes.
 */
#include "client/ctl/palette.h"

#include <stdlib.h>

#include "client/ctl/memory.h"

/* Pixels whose colours have the same upper 5 bits. */
struct cell {
	uint64_t sums[3];
	uint64_t count;
	unsigned number;
};

/* Cells that will get one colour: [begin, end) of the list. */
struct box {
	size_t begin, end;
	unsigned axis;	 /* the channel in which they differ most, */
	unsigned spread; /* and how much */
	uint64_t count;	 /* pixels */
};

static unsigned palette_cell_number(const uint8_t *pixel)
{
	return (unsigned)(pixel[0] >> 3) << 10 | (unsigned)(pixel[1] >> 3) << 5 |
	       (unsigned)(pixel[2] >> 3);
}

static unsigned palette_value(const struct cell *cell, unsigned axis)
{
	return cell->number >> (10 - 5 * axis) & 31;
}

static void palette_measure(struct box *box, const struct cell *cells)
{
	box->count = 0;
	box->spread = 0;
	for (size_t i = box->begin; i < box->end; i++)
		box->count += cells[i].count;
	for (unsigned axis = 0; axis < 3; axis++) {
		unsigned min = 31, max = 0;
		for (size_t i = box->begin; i < box->end; i++) {
			unsigned part = palette_value(&cells[i], axis);
			min = part < min ? part : min;
			max = part > max ? part : max;
		}
		if (max - min > box->spread) {
			box->axis = axis;
			box->spread = max - min;
		}
	}
}

/* Orders by one channel, then by number, so that the result is always the same. */
static int palette_compare(const void *one, const void *other, void *context)
{
	const struct cell *first = one, *second = other;
	const unsigned *axis = context;
	unsigned left = palette_value(first, *axis), right = palette_value(second, *axis);
	if (left != right)
		return left < right ? -1 : 1;
	return (first->number > second->number) - (first->number < second->number);
}

/* Halves a box by its pixels; both halves have cells. */
static struct box palette_split(struct box *box, struct cell *cells)
{
	qsort_r(cells + box->begin, box->end - box->begin, sizeof(*cells), palette_compare,
		&box->axis);
	uint64_t half = 0;
	size_t middle = box->begin;
	while (middle + 1 < box->end - 1 && 2 * (half + cells[middle].count) < box->count)
		half += cells[middle++].count;
	struct box rest = {.begin = middle + 1, .end = box->end};
	box->end = middle + 1;
	palette_measure(box, cells);
	palette_measure(&rest, cells);
	return rest;
}

/* The box whose colours differ most, weighted by pixels; NULL: each box has one cell. */
static struct box *palette_widest(struct box *boxes, unsigned count)
{
	struct box *found = NULL;
	for (unsigned i = 0; i < count; i++) {
		if (boxes[i].spread == 0)
			continue;
		if (!found || boxes[i].spread * boxes[i].count > found->spread * found->count)
			found = &boxes[i];
	}
	return found;
}

static void palette_add_colour(
	struct palette *palette, const struct box *box, const struct cell *cells)
{
	uint64_t sums[3] = {0};
	for (size_t i = box->begin; i < box->end; i++) {
		for (size_t channel = 0; channel < 3; channel++)
			sums[channel] += cells[i].sums[channel];
		palette->indices[cells[i].number] = (uint8_t)palette->count;
	}
	for (size_t channel = 0; channel < 3; channel++)
		palette->colours[palette->count][channel] =
			(uint8_t)((sums[channel] + box->count / 2) / box->count);
	palette->count++;
}

/* Fills the histogram, and moves the cells with pixels to its front. Returns their number. */
static size_t palette_count_cells(struct cell *cells, const struct pixmap *pixmap)
{
	const uint8_t *pixel = pixmap->pixels;
	for (size_t left = (size_t)pixmap->width * pixmap->height; left > 0; left--, pixel += 4) {
		struct cell *cell = &cells[palette_cell_number(pixel)];
		cell->count++;
		for (size_t channel = 0; channel < 3; channel++)
			cell->sums[channel] += pixel[channel];
	}
	size_t count = 0;
	for (unsigned i = 0; i < PALETTE_CELLS; i++) {
		cells[i].number = i;
		if (cells[i].count)
			cells[count++] = cells[i];
	}
	return count;
}

struct palette *palette_make(const struct pixmap *pixmap)
{
	struct palette *palette = memory_array(1, sizeof(*palette));
	struct cell *cells = memory_array(PALETTE_CELLS, sizeof(*cells));
	struct box boxes[PALETTE_MAX] = {{.end = palette_count_cells(cells, pixmap)}};
	unsigned count = 1;
	palette_measure(&boxes[0], cells);
	struct box *box;
	while (count < PALETTE_MAX && (box = palette_widest(boxes, count)))
		boxes[count++] = palette_split(box, cells);
	for (unsigned i = 0; i < count; i++)
		palette_add_colour(palette, &boxes[i], cells);
	free(cells);
	return palette;
}

unsigned palette_index(const struct palette *palette, const uint8_t *pixel)
{
	return palette->indices[palette_cell_number(pixel)];
}
