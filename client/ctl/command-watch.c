/*
 * shmimgctl watch: prints a line for each event of an image, until the user or the daemon ends it.
 */
#include <stdio.h>
#include <string.h>

#include "client/ctl/client.h"
#include "client/ctl/commands.h"
#include "client/ctl/exit.h"
#include "client/ctl/failure.h"
#include "client/ctl/record.h"

static int watch_print_event(const shmimg_record *record, void *context)
{
	const bool *json = context;
	const char *type = shmimg_record_get(record, "type");
	const char *name = shmimg_record_get(record, "name");
	const char *generation = shmimg_record_get(record, "generation");
	if (*json)
		record_print(record, NULL, true);
	else if (name && generation)
		printf("%-8s %s (generation %s)\n", type, name, generation);
	else
		printf("%s\n", type);
	/* A program that reads this waits for the line. */
	return fflush(stdout) == 0 ? 0 : 1;
}

int command_watch(const struct options *options)
{
	bool json = options->values[OPTION_JSON];
	shmimg_client *client;
	int code = client_open(options, &client);
	if (code != 0)
		return code;
	int result = shmimg_watch(client, options->count > 0 ? options->operands[0] : NULL);
	while (result == 0)
		result = shmimg_next_event(client, -1, watch_print_event, &json);
	if (result < 0)
		code = failure_print_last("watch", client, result);
	else
		code = EXIT_REFUSED;
	shmimg_close(client);
	return code;
}
