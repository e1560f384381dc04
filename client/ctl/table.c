/*
 * Tables: columns are as wide as their widest cell.
 */
#include "client/ctl/table.h"

#include <stdlib.h>

#include "client/ctl/memory.h"
#include "client/ctl/text.h"

enum { GAP = 2, FIRST_MIN = 12, CELL_SIZE = 8192 };

void table_add(struct table *table, const char *const cells[TABLE_COLUMNS])
{
	table->rows =
		memory_grow(table->rows, table->count, &table->capacity, sizeof(*table->rows));
	struct table_row *row = &table->rows[table->count];
	row->rank = 0;
	row->index = table->count++;
	for (size_t i = 0; i < TABLE_COLUMNS; i++) {
		row->cells[i] = memory_copy(cells[i] ? cells[i] : "");
		text_make_safe(row->cells[i]);
	}
}

void table_rank(struct table *table, uint64_t rank)
{
	table->rows[table->count - 1].rank = rank;
}

static int table_compare(const void *one, const void *other)
{
	const struct table_row *first = one, *second = other;
	if (first->rank != second->rank)
		return first->rank > second->rank ? -1 : 1;
	return first->index < second->index ? -1 : 1;
}

void table_sort(struct table *table)
{
	if (table->count > 1)
		qsort(table->rows + 1, table->count - 1, sizeof(*table->rows), table_compare);
}

/* The width of a column; 0 if it has only its title. */
static unsigned table_column_width(const struct table *table, size_t column)
{
	unsigned width = 0;
	for (size_t i = 1; i < table->count; i++) {
		unsigned cell = text_width(table->rows[i].cells[column]);
		width = cell > width ? cell : width;
	}
	if (width == 0)
		return 0;
	unsigned title = text_width(table->rows[0].cells[column]);
	return title > width ? title : width;
}

static void table_measure(
	const struct table *table, unsigned columns, unsigned widths[TABLE_COLUMNS])
{
	unsigned others = 0;
	for (size_t i = 0; i < TABLE_COLUMNS; i++) {
		widths[i] = table_column_width(table, i);
		if (i > 0 && widths[i])
			others += widths[i] + GAP;
	}
	if (!columns || widths[0] + others <= columns)
		return;
	unsigned left = columns > others ? columns - others : 0;
	unsigned min = widths[0] < FIRST_MIN ? widths[0] : FIRST_MIN;
	widths[0] = left > min ? left : min;
}

static void table_print_row(const struct table_row *row, FILE *out, unsigned right,
	const unsigned widths[TABLE_COLUMNS])
{
	unsigned pending = 0; /* spaces before the next text, so that no line ends in spaces */
	for (size_t i = 0; i < TABLE_COLUMNS; i++) {
		if (!widths[i])
			continue;
		char cell[CELL_SIZE];
		unsigned width = text_fit(cell, sizeof(cell), row->cells[i], widths[i], true);
		unsigned space = widths[i] - width;
		bool to_right = right & 1u << i;
		pending += to_right ? space : 0;
		if (*cell) {
			fprintf(out, "%*s%s", (int)pending, "", cell);
			pending = 0;
		} else if (to_right) {
			pending += width;
		}
		pending += GAP + (to_right ? 0 : space);
	}
	fputc('\n', out);
}

void table_print(const struct table *table, FILE *out, unsigned right, unsigned columns)
{
	unsigned widths[TABLE_COLUMNS];
	table_measure(table, columns, widths);
	for (size_t i = 0; i < table->count; i++)
		table_print_row(&table->rows[i], out, right, widths);
}

void table_clear(struct table *table)
{
	for (size_t i = 0; i < table->count; i++) {
		for (size_t j = 0; j < TABLE_COLUMNS; j++)
			free(table->rows[i].cells[j]);
	}
	free(table->rows);
	*table = (struct table){0};
}
