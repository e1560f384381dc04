/*
 * A table with aligned columns, for list. Holds copies of its cells; prints a column only
 * if it has a cell that says something.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum { TABLE_COLUMNS = 8 };

struct table {
	struct table_row *rows; /* the first has the titles */
	size_t count;
	size_t room;
};

struct table_row {
	char *cells[TABLE_COLUMNS];
};

/* Adds a row of TABLE_COLUMNS cells; NULL or "" says nothing. */
void table_add(struct table *table, const char *const cells[TABLE_COLUMNS]);

/*
 * Prints the table. Columns whose bit is set in right are aligned to the right. With
 * columns not 0 the first column is cut at its beginning so that lines are no wider.
 */
void table_print(const struct table *table, FILE *out, unsigned right, unsigned columns);

void table_clear(struct table *table);
