/*
 * The texts of --help and --version.
 */
#include "config.h"

#include "client/ctl/help.h"

#include <stdio.h>
#include <string.h>

#include "client/ctl/options.h"
#include "client/protocol/command.h"
#include "client/protocol/format.h"

enum { OPTION_COLUMN = 26 };

static void help_print_option(const struct option_entry *entry)
{
	char head[64];
	int length = entry->letter ? snprintf(head, sizeof(head), "-%c, ", entry->letter)
				   : snprintf(head, sizeof(head), "    ");
	length += snprintf(head + length, sizeof(head) - (size_t)length, "--%s%s%s", entry->word,
		entry->argument ? " " : "", entry->argument ? entry->argument : "");
	if (length <= OPTION_COLUMN)
		printf("  %-*s %s\n", OPTION_COLUMN, head, entry->help);
	else
		printf("  %s\n  %-*s %s\n", head, OPTION_COLUMN, "", entry->help);
}

static void help_print_options(unsigned verbs)
{
	for (int i = 0; i < OPTION_COUNT; i++) {
		if (option_table[i].verbs == verbs)
			help_print_option(&option_table[i]);
	}
}

/* Options of a verb that not every verb has. */
static void help_print_own_options(enum verb_id verb)
{
	for (int i = 0; i < OPTION_COUNT; i++) {
		unsigned verbs = option_table[i].verbs;
		if ((verbs & 1u << verb) && verbs != EVERY_VERB)
			help_print_option(&option_table[i]);
	}
}

static bool help_has_own_options(enum verb_id verb)
{
	for (int i = 0; i < OPTION_COUNT; i++) {
		if ((option_table[i].verbs & 1u << verb) && option_table[i].verbs != EVERY_VERB)
			return true;
	}
	return false;
}

static void help_print_verb(enum verb_id id)
{
	char head[64];
	snprintf(head, sizeof(head), "%s %s", verb_to_string(id), verb_table[id].synopsis);
	printf("  %-*s %s\n", OPTION_COLUMN, head, verb_table[id].command->help);
}

static void help_print_formats(void)
{
	printf("\nFORMAT:");
	for (int i = 0; i < FORMAT_COUNT; i++)
		printf("%s %s", i ? "," : "", format_to_string((enum format)i));
	putchar('\n');
}

void help_print(enum verb_id verb)
{
	if (verb != VERB_NONE) {
		printf("usage: shmimgctl %s [OPTION...] %s\n\n%s\n\n", verb_to_string(verb),
			verb_table[verb].synopsis, verb_table[verb].command->help);
		help_print_own_options(verb);
		help_print_options(EVERY_VERB);
		if (option_table[OPTION_FORMAT].verbs & 1u << verb)
			help_print_formats();
		return;
	}
	puts("usage: shmimgctl [OPTION...] COMMAND [OPTION...] [ARGUMENT...]\n");
	for (int i = 0; i < VERB_COUNT; i++)
		help_print_verb((enum verb_id)i);
	puts("\noptions of every command:");
	help_print_options(EVERY_VERB);
	for (int i = 0; i < VERB_COUNT; i++) {
		if (!help_has_own_options((enum verb_id)i))
			continue;
		printf("\noptions of %s:\n", verb_to_string((enum verb_id)i));
		help_print_own_options((enum verb_id)i);
	}
	help_print_formats();
	puts("Exit status: 0 done, 1 refused, 2 wrong usage, 3 no daemon; lock: the command's.");
}

void help_print_version(void)
{
	puts("shmimgctl " PACKAGE_VERSION);
}
