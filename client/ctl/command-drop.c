/*
 * shmimgctl drop: removes images. If one cannot be removed, the others are removed all the same.
 * Prints nothing, as rm(1), except with --json.
 */
#include <stdio.h>

#include "client/ctl/client.h"
#include "client/ctl/commands.h"
#include "client/ctl/exit.h"
#include "client/ctl/failure.h"
#include "client/ctl/json.h"

static int drop_image(
	shmimg_client *client, const char *name, const struct shmimg_options *image, void *context)
{
	const struct options *options = context;
	int result = shmimg_drop(client, name, image);
	if (result == 0 && options->values[OPTION_JSON]) {
		struct json json;
		json_begin(&json, stdout);
		json_add(&json, "name", name);
		json_end(&json);
	}
	return result;
}

int command_drop(const struct options *options)
{
	struct options own = *options;
	shmimg_client *client;
	int code = client_open(options, &client);
	if (code != 0)
		return code;
	for (int i = 0; i < options->count && code != EXIT_NO_DAEMON; i++) {
		const char *name = options->operands[i];
		int result = client_by_name(client, options, name, drop_image, &own);
		if (result < 0)
			code = failure_print_last(name, client, result);
	}
	shmimg_close(client);
	return code;
}
