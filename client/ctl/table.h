/*
 * A table of text with aligned columns. It keeps copies of its cells. A column without text is not
 * printed.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum { TABLE_COLUMNS = 8 };

struct table {
	struct table_row *rows; /* the first has the titles */
	size_t count;
	size_t capacity;
};

struct table_row {
	char *cells[TABLE_COLUMNS];
	uint64_t rank;
	size_t index; /* in the order of adding */
};

/* Adds a row of TABLE_COLUMNS cells; NULL or "": an empty cell. */
void table_add(struct table *table, const char *const cells[TABLE_COLUMNS]);

/* Sets the rank of the last row, 0 by default. */
void table_rank(struct table *table, uint64_t rank);

/* Sorts the rows below the titles: higher ranks first, equal ranks in the order of adding. */
void table_sort(struct table *table);

/*
 * Prints the table. Columns whose bit is set in right are aligned to the right. If columns is not
 * 0, the first column is cut at its start so that no line is wider than that.
 */
void table_print(const struct table *table, FILE *out, unsigned right, unsigned columns);

void table_clear(struct table *table);
