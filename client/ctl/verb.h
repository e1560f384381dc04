/*
 * shmimgctl's verbs: those of the protocol's command table that make sense in a shell, with
 * its words and help, and those that are shmimgctl's own.
 */
#pragma once

struct options;
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
	const struct command *command;		   /* its word and help */
	const char *synopsis;			   /* its operands */
	int least, most;			   /* how many of them; most -1: any number */
	int (*run)(const struct options *options); /* returns the exit code */
};

extern const struct verb verb_table[VERB_COUNT];

/* The verb of a word, or VERB_NONE. */
enum verb_id verb_from_string(const char *word);

const char *verb_to_string(enum verb_id id);
