/*
 * Prints the texts of --help and --version, from the tables of verbs and options.
 */
#pragma once

#include "client/ctl/verb.h"

/* Prints the help of a verb; with VERB_NONE that of the program. */
void help_print(enum verb_id verb);

void help_print_version(void);
