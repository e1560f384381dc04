/*
 * The kinds of file that fetch writes: a table, and a writer for each kind. A writer gets a raster
 * and a stream, and notes what the file lacks.
 */
#pragma once

#include <stdio.h>

#include "client/ctl/raster.h"

enum { OUTPUT_NOTES = 4, OUTPUT_FAULT_SIZE = 256 };

/* What a writer reports: lines are static strings on what the file lacks. */
struct output_notes {
	const char *lines[OUTPUT_NOTES];
	unsigned count;
	char fault[OUTPUT_FAULT_SIZE]; /* why it failed; "": the errno says it */
};

struct output_format {
	const char *word;      /* the argument of --as, and the extension */
	const char *extension; /* another extension, or NULL */
	/* Writes all pixels. quality is 1 to 100. Returns 0 or a negative errno. */
	int (*write)(
		FILE *stream, const struct raster *raster, int quality, struct output_notes *notes);
};

/* The format of a word, or NULL. */
const struct output_format *output_from_string(const char *word);

/* The format by the extension of a file's name, or NULL. */
const struct output_format *output_by_path(const char *path);

/* Adds a note, a static string. */
void output_note(struct output_notes *notes, const char *note);

int output_png(FILE *, const struct raster *, int, struct output_notes *);
int output_jpeg(FILE *, const struct raster *, int, struct output_notes *);
int output_pam(FILE *, const struct raster *, int, struct output_notes *);
int output_raw(FILE *, const struct raster *, int, struct output_notes *);
