/*
 * The sources of values are read in this order, and a later value overrides an earlier one:
 * defaults, the configuration file, the files of its folder, the environment (only for the socket),
 * and the command line. Reading continues after a mistake, so that every mistake is logged.
 */
#include "daemon/config/configuration.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "client/protocol/name.h"
#include "client/protocol/runtime.h"
#include "daemon/config/defaults.h"
#include "daemon/config/file.h"
#include "daemon/log/log.h"

static const char default_origin[] = "default";

/* The permissions with which a process of another user can connect to a socket. */
enum { OTHERS_CONNECT = 0022 };

/* Sets an option and the origin of its value. Returns 0, or -EINVAL after logging a mistake. */
static int configuration_set(struct configuration *configuration, enum option_id id,
	const char *value, const char *origin)
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

/* Receives the keys of configuration files. */
struct configuration_reading {
	struct config_receiver receiver;
	struct configuration *configuration;
};

static int configuration_reject_key(const struct config_position *position, const char *key)
{
	char names[512] = "";
	for (int i = 0; i < OPTION_COUNT; i++) {
		size_t length = strlen(names);
		snprintf(names + length, sizeof(names) - length, " %s", option_table[i].name);
	}
	log_error("%s:%u: %s: unknown option; use one of:%s", position->path, position->line, key,
		names);
	return -EINVAL;
}

static int configuration_on_entry(struct config_receiver *receiver,
	const struct config_position *position, const char *key, const char *value)
{
	struct configuration *configuration =
		((struct configuration_reading *)receiver)->configuration;
	char origin[ORIGIN_SIZE];
	enum option_id id = option_from_string(key);
	if (id == OPTION_COUNT)
		return configuration_reject_key(position, key);
	snprintf(origin, sizeof(origin), "%.*s:%u", ORIGIN_SIZE - 16, position->path,
		position->line);
	return configuration_set(configuration, id, value, origin);
}

/* Returns the file of --config, or the default file of the socket. */
static const char *configuration_choose_file(const struct command_line *line, char path[PATH_MAX])
{
	char text[OPTION_TEXT_SIZE];
	const char *socket = line->values[OPTION_SOCKET];
	if (line->config)
		return line->config;
	if (!socket)
		socket = defaults_environment_socket();
	return defaults_config(socket ? socket : defaults_socket(text), path);
}

static int configuration_read_files(
	struct configuration *configuration, const struct command_line *line)
{
	struct configuration_reading reading = {{configuration_on_entry}, configuration};
	char buffer[PATH_MAX], folder[PATH_MAX + 2];
	const char *path = configuration_choose_file(line, buffer);
	if (!path)
		return 0;
	int r = config_file_read(&reading.receiver, path);
	if (r == -ENOENT && line->config)
		log_error("%s: no such file, or no access to its folder. Check --config.", path);
	else if (r == -ENOENT)
		r = 0;
	snprintf(folder, sizeof(folder), "%s.d", path);
	int folder_result = config_folder_read(&reading.receiver, folder);
	return r < 0 ? r : folder_result;
}

/* Says why the socket is not in XDG_RUNTIME_DIR, where the user may expect it. */
static void configuration_warn_of_folder(const char *socket)
{
	char fault[RUNTIME_FAULT_SIZE];
	runtime_folder(fault, sizeof(fault));
	if (*fault)
		log_warning("%s; the socket is %s", fault, socket);
}

/* Sets the socket without --socket. Clients read the environment too, so it overrides a file. */
static int configuration_set_socket(struct configuration *configuration)
{
	char text[OPTION_TEXT_SIZE];
	const char *path = defaults_environment_socket();
	if (path)
		return configuration_set(configuration, OPTION_SOCKET, path, "$SHMIMG_SOCKET");
	if (configuration->options.socket[0])
		return 0;
	path = defaults_socket(text);
	if (path != text)
		configuration_warn_of_folder(path);
	return configuration_set(configuration, OPTION_SOCKET, path,
		path == text ? "$XDG_RUNTIME_DIR" : default_origin);
}

static bool configuration_is_default(const struct configuration *configuration, enum option_id id)
{
	return strcmp(configuration->origins[id], default_origin) == 0;
}

/* Lowers a default to half of what the kernel allows the daemon for all users, at least to 1. */
static void configuration_leave_half(struct configuration *configuration, enum option_id id,
	enum resource resource, uint64_t allowed)
{
	uint64_t *limit = &configuration->options.user_limits[resource];
	uint64_t half = allowed > 1 ? allowed / 2 : 1;
	if (!configuration_is_default(configuration, id) || *limit <= half)
		return;
	*limit = half;
	strcpy(configuration->origins[id], "what the kernel allows leaves no more");
}

/*
 * The defaults of a daemon to which others than its own user may connect: no user takes all memory,
 * all decoders, or all that the kernel allows the daemon's user. Each load has a descriptor.
 */
static void configuration_leave_room(struct configuration *configuration)
{
	struct options *options = &configuration->options;
	/* The socket of the machine's daemon is made by its socket unit, for everybody. */
	if ((options->socket_mode & OTHERS_CONNECT) == 0 &&
		strcmp(options->socket, SOCKET_SYSTEM) != 0)
		return;
	configuration_leave_half(
		configuration, OPTION_USER_FOLLOWS, RESOURCE_FOLLOWS, defaults_kernel_follows());
	configuration_leave_half(configuration, OPTION_USER_LOADS, RESOURCE_LOADS,
		defaults_kernel_descriptors() / 4);
	if (configuration_is_default(configuration, OPTION_DECODERS) && options->decoders < 2)
		options->decoders = 2;
	if (configuration_is_default(configuration, OPTION_USER_BYTES)) {
		options->user_limits[RESOURCE_BYTES] =
			options->memory_max - options->memory_max / 4;
		strcpy(configuration->origins[OPTION_USER_BYTES], "three quarters of memory-max");
	}
	if (configuration_is_default(configuration, OPTION_USER_DECODERS) &&
		options->decoders > 1) {
		options->user_decoders = options->decoders - 1;
		strcpy(configuration->origins[OPTION_USER_DECODERS], "one less than decoders");
	}
}

/* No user may have more bytes or decoders than all users together. */
static void configuration_limit_users(struct configuration *configuration)
{
	struct options *options = &configuration->options;
	configuration_leave_room(configuration);
	if (options->user_limits[RESOURCE_BYTES] > options->memory_max) {
		options->user_limits[RESOURCE_BYTES] = options->memory_max;
		strcpy(configuration->origins[OPTION_USER_BYTES], "as memory-max");
	}
	if (options->user_decoders > options->decoders) {
		options->user_decoders = options->decoders;
		strcpy(configuration->origins[OPTION_USER_DECODERS], "as decoders");
	}
}

int configuration_read(struct configuration *configuration, const struct command_line *line)
{
	defaults_set(&configuration->options);
	for (int i = 0; i < OPTION_COUNT; i++)
		strcpy(configuration->origins[i], default_origin);
	/* --cleanup must work also when a mistake in a file keeps daemons from starting. */
	bool skips_files = line->cleanup && line->values[OPTION_SOCKET];
	int r = skips_files ? 0 : configuration_read_files(configuration, line);
	if (!line->values[OPTION_SOCKET] && configuration_set_socket(configuration) < 0)
		r = -EINVAL;
	for (int i = 0; i < OPTION_COUNT; i++) {
		if (line->values[i] && configuration_set(configuration, (enum option_id)i,
					       line->values[i], "command line") < 0)
			r = -EINVAL;
	}
	configuration_limit_users(configuration);
	return r;
}

/* A file name with a newline must not end the comment. */
static void configuration_print_origin(const char *origin, FILE *file)
{
	fputs("# ", file);
	for (; *origin; origin++)
		putc((unsigned char)*origin < ' ' ? '?' : *origin, file);
	putc('\n', file);
}

int configuration_print(const struct configuration *configuration, FILE *file)
{
	char text[OPTION_TEXT_SIZE];
	fputs("[shmimgd]\n", file);
	for (int i = 0; i < OPTION_COUNT; i++) {
		option_to_string(&configuration->options, (enum option_id)i, text);
		configuration_print_origin(configuration->origins[i], file);
		fprintf(file, "%s = %s\n", option_table[i].name, text);
	}
	return fflush(file) == EOF ? -errno : 0;
}
