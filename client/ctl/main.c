/*
 * shmimgctl(1): loads and shows images in shared memory from a shell.
 * This file starts and ends the program, and has the table of the function that runs each verb.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "client/ctl/commands.h"
#include "client/ctl/exit.h"
#include "client/ctl/help.h"
#include "client/ctl/message.h"
#include "client/ctl/options.h"

static int (*const commands[VERB_COUNT])(const struct options *options) = {
	[VERB_LOAD] = command_load,
	[VERB_FETCH] = command_fetch,
	[VERB_LIST] = command_list,
	[VERB_STAT] = command_stat,
	[VERB_STATS] = command_stats,
	[VERB_DROP] = command_drop,
	[VERB_WATCH] = command_watch,
	[VERB_LOCK] = command_lock,
	[VERB_SHOW] = command_show,
	[VERB_TOP] = command_top,
	[VERB_DOCTOR] = command_doctor,
};

/* Output that did not arrive, for example on a full disk, makes the command fail. */
static int main_finish(int code)
{
	if ((fflush(stdout) == 0 && !ferror(stdout)) || code != EXIT_DONE)
		return code;
	message_print("standard output: %s", strerror(errno));
	return EXIT_REFUSED;
}

static int main_run(const struct options *options, int parsed)
{
	if (parsed == OPTIONS_HELP)
		help_print(options->verb);
	else if (parsed == OPTIONS_VERSION)
		help_print_version();
	else
		return commands[options->verb](options);
	return EXIT_DONE;
}

int main(int count, char **arguments)
{
	struct options options;
	int parsed = options_parse(&options, count, arguments);
	return parsed < 0 ? EXIT_USAGE : main_finish(main_run(&options, parsed));
}
