/*
 * The table of verbs. Commands of the protocol that make sense in a shell have the same word and
 * help there; the other verbs are shmimgctl's own.
 */
#include "client/ctl/verb.h"

#include <string.h>

#include "client/protocol/command.h"

/* Verbs that are not commands of the protocol. */
static const struct command lock_command = {
	.word = "lock", .help = "run a command while holding an image's lock"};
static const struct command show_command = {
	.word = "show", .help = "draw an image in the terminal"};
static const struct command top_command = {.word = "top", .help = "show what the daemon is doing"};
static const struct command doctor_command = {
	.word = "doctor", .help = "find out what is wrong, and how to fix it"};

const struct verb verb_table[VERB_COUNT] = {
	[VERB_LOAD] = {&command_table[COMMAND_LOAD], "FILE...", 1, -1},
	[VERB_FETCH] = {&command_table[COMMAND_FETCH], "NAME", 1, 1},
	[VERB_LIST] = {&command_table[COMMAND_LIST], "[GLOB]", 0, 1},
	[VERB_STAT] = {&command_table[COMMAND_STAT], "NAME", 1, 1},
	[VERB_STATS] = {&command_table[COMMAND_STATS], "", 0, 0},
	[VERB_DROP] = {&command_table[COMMAND_DROP], "NAME...", 1, -1},
	[VERB_WATCH] = {&command_table[COMMAND_WATCH], "[GLOB]", 0, 1},
	[VERB_LOCK] = {&lock_command, "NAME -- COMMAND...", 2, -1},
	[VERB_SHOW] = {&show_command, "NAME", 1, 1},
	[VERB_TOP] = {&top_command, "[GLOB]", 0, 1},
	[VERB_DOCTOR] = {&doctor_command, "", 0, 0},
};

const char *verb_to_string(enum verb_id id)
{
	return verb_table[id].command->word;
}

enum verb_id verb_from_string(const char *word)
{
	for (int i = 0; i < VERB_COUNT; i++) {
		if (strcmp(verb_to_string((enum verb_id)i), word) == 0)
			return (enum verb_id)i;
	}
	return VERB_NONE;
}
