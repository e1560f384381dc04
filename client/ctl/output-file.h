/*
 * A file that appears under its name whole or not at all: written beside its place, without
 * a name where the file system can do that, then moved there. Does not know what is in it.
 */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

struct output_file {
	FILE *stream;
	bool direct;   /* a device, a pipe: written in place */
	bool named;    /* the temporary name exists */
	bool replaces; /* there is a file, whose mode is kept */
	mode_t mode;   /* its mode */
	char path[PATH_MAX];
	char temporary[PATH_MAX + 32];
};

/* Opens a file for writing. Returns 0 or a negative errno. */
int output_file_open(struct output_file *file, const char *path);

/* Puts the file in its place. Returns 0, or a negative errno: then nothing is left of it. */
int output_file_commit(struct output_file *file);

/* Forgets the file: nothing is left of it. */
void output_file_abandon(struct output_file *file);
