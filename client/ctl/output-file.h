/*
 * An output file that appears under its name only when it is complete. Until then it has no name,
 * or a temporary name in the same folder.
 */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

struct output_file {
	FILE *stream;
	bool direct;   /* a device or a pipe: written directly */
	bool named;    /* the temporary name exists */
	bool replaces; /* a file exists; the new one gets its mode */
	mode_t mode;   /* of that file */
	char path[PATH_MAX];
	char temporary[PATH_MAX + 32];
};

/* Opens a file for writing. Returns 0 or a negative errno. */
int output_file_open(struct output_file *file, const char *path);

/* Gives the complete file its name. Returns 0, or a negative errno after removing the file. */
int output_file_commit(struct output_file *file);

/* Closes and removes the file. */
void output_file_abandon(struct output_file *file);
