/*
 * getopt_long(3) with one table of all options: those of shmimgd.conf(5) and the actions.
 */
#include "config.h"

#include "daemon/config/command-line.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "daemon/log/log.h"

enum { HELP_COLUMN = 26 };

/* Options of the command line alone: X(value, name, has_arg of getopt(3), argument, help). */
#define ACTION_TABLE(X)                                                  \
	X(ACTION_CONFIG, "config", required_argument, "FILE",            \
		"read this file and FILE.d/*.conf\n"                     \
		"(default: see shmimgd.conf(5))")                        \
	X(ACTION_PRINT_CONFIG, "print-config", no_argument, NULL,        \
		"print each option, its value and its origin, and exit") \
	X(ACTION_CLEANUP, "cleanup", no_argument, NULL,                  \
		"remove what a killed daemon has left, and exit")        \
	X('h', "help", no_argument, NULL, "print this help and exit")    \
	X('V', "version", no_argument, NULL, "print the version and exit")

enum { ACTION_CLEANUP = 256, ACTION_CONFIG, ACTION_PRINT_CONFIG, FIRST_OPTION };

static const struct option long_options[] = {
#define X(symbol, name, ...) {name, required_argument, NULL, FIRST_OPTION + OPTION_##symbol},
	OPTION_TABLE(X)
#undef X
#define X(value, name, has, argument, help) {name, has, NULL, value},
		ACTION_TABLE(X)
#undef X
			{0},
};

/* Prints "  -l, --name ARGUMENT  help", with the lines of help in one column; letter 0: none. */
static void command_line_print_option(
	int letter, const char *name, const char *argument, const char *text)
{
	int width = letter ? printf("  -%c,", letter) : printf(" ");
	width += printf(" --%s%s%s", name, argument ? " " : "", argument ? argument : "");
	if (width > HELP_COLUMN - 2) {
		putchar('\n');
		width = 0;
	}
	for (;;) {
		int length = (int)strcspn(text, "\n");
		printf("%*s%.*s\n", HELP_COLUMN - width, "", length, text);
		if (!text[length])
			break;
		text += length + 1;
		width = 0;
	}
}

static void command_line_print_help(void)
{
	puts("Usage: shmimgd [OPTION]...\n"
	     "Decodes images into shared memory, once for all programs.\n");
	for (int i = 0; i < OPTION_COUNT; i++) {
		const struct option_info *info = &option_table[i];
		command_line_print_option(0, info->name, info->argument, info->help);
	}
#define X(value, name, has, argument, help) \
	command_line_print_option((value) < ACTION_CLEANUP ? (value) : 0, name, argument, help);
	ACTION_TABLE(X)
#undef X
	puts("\nTo stop shmimgd, send SIGTERM or SIGINT. See shmimgd(8).");
}

/* Checks each value, also one that a later one replaces. Returns as command_line_apply() does. */
static int command_line_set(struct command_line *line, enum option_id id, const char *value)
{
	struct options unused;
	char allowed[OPTION_TEXT_SIZE];
	if (option_set(&unused, id, value) == 0) {
		line->values[id] = value;
		return 1;
	}
	option_allowed(id, allowed);
	log_error("--%s: '%s' is not %s", option_table[id].name, value, allowed);
	return -EINVAL;
}

/* Returns 1 to go on, 0 when --help or --version has been answered, or -EINVAL. */
static int command_line_apply(struct command_line *line, int value, const char *text)
{
	switch (value) {
	case ACTION_CONFIG:
		line->config = text;
		return 1;
	case ACTION_PRINT_CONFIG:
		line->print_config = true;
		return 1;
	case ACTION_CLEANUP:
		line->cleanup = true;
		return 1;
	case 'h':
		command_line_print_help();
		return 0;
	case 'V':
		puts("shmimgd " PACKAGE_VERSION);
		return 0;
	case '?':
		return -EINVAL;
	default:
		return command_line_set(line, (enum option_id)(value - FIRST_OPTION), text);
	}
}

int command_line_read(struct command_line *line, int argc, char **argv)
{
	static char name[] = "shmimgd"; /* in getopt(3)'s messages */
	*line = (struct command_line){0};
	argv[0] = name;
	for (;;) {
		int value = getopt_long(argc, argv, "hV", long_options, NULL);
		if (value == -1)
			break;
		int r = command_line_apply(line, value, optarg);
		if (r <= 0)
			return r < 0 ? r : 1;
	}
	if (optind < argc) {
		log_error("'%s': unexpected argument. See --help.", argv[optind]);
		return -EINVAL;
	}
	return 0;
}
