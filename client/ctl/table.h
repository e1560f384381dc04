/*
 * A table with aligned columns. Holds copies of its cells; prints a column only
 * if it has a cell that says something.
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
	size_t room;
};

struct table_row {
	char *cells[TABLE_COLUMNS];
	uint64_t rank;
	size_t place; /* among those that were added */
};

/* Adds a row of TABLE_COLUMNS cells; NULL or "" says nothing. */
void table_add(struct table *table, const char *const cells[TABLE_COLUMNS]);

/* Gives the last row a rank, 0 before, for table_sort(). */
void table_rank(struct table *table, uint64_t rank);

/* Puts the rows below the titles in order: higher ranks first, equals as they were added. */
void table_sort(struct table *table);

/*
 * Prints the table. Columns whose bit is set in right are aligned to the right. With
 * columns not 0 the first column is cut at its beginning so that lines are no wider.
 */
void table_print(const struct table *table, FILE *out, unsigned right, unsigned columns);

void table_clear(struct table *table);
