/*
 * Few colours for many.
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

/* Cells that will have one colour: [begin, end) of the list. */
struct box {
	size_t begin, end;
	unsigned axis;	 /* the channel in which they differ most, */
	unsigned spread; /* and how much */
	uint64_t count;	 /* pixels */
};

static unsigned palette_number_of(const uint8_t *pixel)
{
	return (unsigned)(pixel[0] >> 3) << 10 | (unsigned)(pixel[1] >> 3) << 5 |
	       (unsigned)(pixel[2] >> 3);
}

static unsigned palette_part_of(const struct cell *cell, unsigned axis)
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
		unsigned least = 31, most = 0;
		for (size_t i = box->begin; i < box->end; i++) {
			unsigned part = palette_part_of(&cells[i], axis);
			least = part < least ? part : least;
			most = part > most ? part : most;
		}
		if (most - least > box->spread) {
			box->axis = axis;
			box->spread = most - least;
		}
	}
}

/* By one channel; among equals by number, so that the order is always the same. */
static int palette_compare(const void *one, const void *other, void *context)
{
	const struct cell *first = one, *second = other;
	const unsigned *axis = context;
	unsigned left = palette_part_of(first, *axis), right = palette_part_of(second, *axis);
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

/* The box whose colours differ most, weighted by pixels; NULL when each has one cell. */
static struct box *palette_worst(struct box *boxes, unsigned count)
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

static void palette_name_colour(
	struct palette *palette, const struct box *box, const struct cell *cells)
{
	uint64_t sums[3] = {0};
	for (size_t i = box->begin; i < box->end; i++) {
		for (size_t channel = 0; channel < 3; channel++)
			sums[channel] += cells[i].sums[channel];
		palette->places[cells[i].number] = (uint8_t)palette->count;
	}
	for (size_t channel = 0; channel < 3; channel++)
		palette->colours[palette->count][channel] =
			(uint8_t)((sums[channel] + box->count / 2) / box->count);
	palette->count++;
}

/* The cells that have pixels, at the beginning of the list. Returns how many. */
static size_t palette_count_cells(struct cell *cells, const struct pixmap *pixmap)
{
	const uint8_t *pixel = pixmap->pixels;
	for (size_t left = (size_t)pixmap->width * pixmap->height; left > 0; left--, pixel += 4) {
		struct cell *cell = &cells[palette_number_of(pixel)];
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
	while (count < PALETTE_MAX && (box = palette_worst(boxes, count)))
		boxes[count++] = palette_split(box, cells);
	for (unsigned i = 0; i < count; i++)
		palette_name_colour(palette, &boxes[i], cells);
	free(cells);
	return palette;
}

unsigned palette_place(const struct palette *palette, const uint8_t *pixel)
{
	return palette->places[palette_number_of(pixel)];
}
