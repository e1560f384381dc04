/*
 * The file formats that fetch writes: one table, one writer each. Writers get plain pixels
 * and a stream, say what they had to leave out, and never open or close a file.
 */
#pragma once

#include <stdio.h>

#include "client/ctl/raster.h"

enum { OUTPUT_NOTES = 4, OUTPUT_FAULT_SIZE = 256 };

/* What a writer reports: lines are static strings on what the file lacks. */
struct output_notes {
	const char *lines[OUTPUT_NOTES];
	unsigned count;
	char fault[OUTPUT_FAULT_SIZE]; /* why it failed; "" when the errno says it all */
};

struct output_format {
	const char *word;      /* as --as has it, and the extension */
	const char *extension; /* another one, or NULL */
	/* Writes all pixels. quality is 1 to 100. Returns 0 or a negative errno. */
	int (*write)(
		FILE *stream, const struct raster *raster, int quality, struct output_notes *notes);
};

/* The format of a word, or NULL. */
const struct output_format *output_from_string(const char *word);

/* The format of a file's name by its extension, or NULL. */
const struct output_format *output_by_path(const char *path);

void output_note(struct output_notes *notes, const char *note);

int output_png(FILE *, const struct raster *, int, struct output_notes *);
int output_jpeg(FILE *, const struct raster *, int, struct output_notes *);
int output_pam(FILE *, const struct raster *, int, struct output_notes *);
int output_raw(FILE *, const struct raster *, int, struct output_notes *);
