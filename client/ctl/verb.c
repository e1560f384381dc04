/*
 * The table of verbs.
 */
#include "client/ctl/verb.h"

#include <string.h>

#include "client/ctl/commands.h"
#include "client/protocol/command.h"

/* What the protocol has no word for. */
static const struct command lock_command = {
	.word = "lock", .help = "run a command while holding an image's lock"};
static const struct command show_command = {
	.word = "show", .help = "draw an image in the terminal"};
static const struct command top_command = {
	.word = "top", .help = "show what the daemon does, as it does it"};
static const struct command doctor_command = {
	.word = "doctor", .help = "find out what is wrong, and what mends it"};

const struct verb verb_table[VERB_COUNT] = {
	[VERB_LOAD] = {&command_table[COMMAND_LOAD], "FILE...", 1, -1, command_load},
	[VERB_FETCH] = {&command_table[COMMAND_FETCH], "NAME", 1, 1, command_fetch},
	[VERB_LIST] = {&command_table[COMMAND_LIST], "[GLOB]", 0, 1, command_list},
	[VERB_STAT] = {&command_table[COMMAND_STAT], "NAME", 1, 1, command_stat},
	[VERB_STATS] = {&command_table[COMMAND_STATS], "", 0, 0, command_stats},
	[VERB_DROP] = {&command_table[COMMAND_DROP], "NAME...", 1, -1, command_drop},
	[VERB_WATCH] = {&command_table[COMMAND_WATCH], "[GLOB]", 0, 1, command_watch},
	[VERB_LOCK] = {&lock_command, "NAME -- COMMAND...", 2, -1, command_lock},
	[VERB_SHOW] = {&show_command, "NAME", 1, 1, command_show},
	[VERB_TOP] = {&top_command, "[GLOB]", 0, 1, command_top},
	[VERB_DOCTOR] = {&doctor_command, "", 0, 0, command_doctor},
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
