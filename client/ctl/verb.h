/*
 * The verbs of shmimgctl: their words, their operands and their help.
 */
#pragma once

struct command;

enum verb_id {
	VERB_LOAD,
	VERB_FETCH,
	VERB_LIST,
	VERB_STAT,
	VERB_STATS,
	VERB_DROP,
	VERB_WATCH,
	VERB_LOCK,
	VERB_SHOW,
	VERB_TOP,
	VERB_DOCTOR,
	VERB_COUNT,
	VERB_NONE = VERB_COUNT,
};

struct verb {
	const struct command *command; /* its word and help */
	const char *synopsis;	       /* its operands */
	int min, max;		       /* how many operands; max -1: any number */
};

extern const struct verb verb_table[VERB_COUNT];

/* The verb of a word, or VERB_NONE. */
enum verb_id verb_from_string(const char *word);

const char *verb_to_string(enum verb_id id);
