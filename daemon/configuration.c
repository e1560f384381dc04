/*
 * The options in effect.
 * See configuration.h for what it does and never does.
 */
#include "daemon/configuration.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "daemon/defaults.h"
#include "daemon/log.h"

/* Sets an option to a value that comes from somewhere. Returns 0, or says what is allowed. */
static int set(struct configuration *configuration, enum option_id id, const char *value,
	const char *origin)
{
	char allowed[OPTION_TEXT_SIZE];
	if (option_set(&configuration->options, id, value) < 0) {
		option_allowed(id, allowed);
		log_error("%s: %s: '%s' is not %s", origin, option_table[id].name, value, allowed);
		return -EINVAL;
	}
	snprintf(configuration->origins[id], ORIGIN_SIZE, "%s", origin);
	return 0;
}

static int set_default_socket(struct configuration *configuration)
{
	char text[OPTION_TEXT_SIZE];
	const char *path = default_socket(text);
	return set(
		configuration, OPTION_SOCKET, path, path == text ? "$XDG_RUNTIME_DIR" : "default");
}

/* The socket, unless the command line has one. */
static int set_socket(struct configuration *configuration)
{
	const char *path = environment_socket();
	if (path)
		return set(configuration, OPTION_SOCKET, path, "$SHMIMG_SOCKET");
	return configuration->options.socket[0] ? 0 : set_default_socket(configuration);
}

/* No user may have more bytes than all users together. */
static void limit_user_bytes(struct options *options)
{
	if (options->user_limits[RESOURCE_BYTES] > options->memory_max)
		options->user_limits[RESOURCE_BYTES] = options->memory_max;
}

int configuration_read(struct configuration *configuration, const struct command_line *line)
{
	int r = 0;
	defaults_set(&configuration->options);
	for (int i = 0; i < OPTION_COUNT; i++)
		strcpy(configuration->origins[i], "default");
	if (!line->values[OPTION_SOCKET])
		r = set_socket(configuration);
	for (int i = 0; i < OPTION_COUNT; i++) {
		if (line->values[i] &&
			set(configuration, (enum option_id)i, line->values[i], "command line") < 0)
			r = -EINVAL;
	}
	limit_user_bytes(&configuration->options);
	return r;
}
