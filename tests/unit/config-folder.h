/*
 * A folder of configuration files for tests: what reading them, as the daemon does at its
 * start, leads to, and what it logs.
 */
#pragma once

#include <stddef.h>

#include "daemon/config/configuration.h"

enum { CONFIG_PATH_SIZE = 96 };

extern char config_folder[];		       /* of all the rest */
extern char config_file[CONFIG_PATH_SIZE];     /* called c */
extern char config_folder_d[CONFIG_PATH_SIZE]; /* of the files that amend it: c.d */
extern struct configuration config_read;       /* what was read last */
extern char config_log[1 << 16];	       /* and what that said */

/* For cmocka: makes the folder, which commands of the shell know as $D; empties it; removes it. */
int config_setup(void **state);
int config_clear(void **state);
int config_teardown(void **state);

/* Puts a file. */
void config_put_bytes(const char *path, const char *bytes, size_t size);
void config_put(const char *path, const char *text);

/* Puts a file into the folder of those that amend. */
void config_put_drop_in(const char *name, const char *text);

/* Reads a command line of at most three arguments, and what it leads to; keeps the log. */
int config_options(const char *first, const char *second, const char *third);

/* The same for the file. */
int config_options_of_file(void);

/* Expects one line of the log, in which FILE stands for the file's path. */
void config_assert_logged(const char *expected);
