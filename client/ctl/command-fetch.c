/*
 * shmimgctl fetch: prints an image's descriptor, or writes its pixels to a file. Pins the image
 * only while it runs. Changes pixels only as far as the kind of file demands.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "client/ctl/client.h"
#include "client/ctl/commands.h"
#include "client/ctl/exit.h"
#include "client/ctl/failure.h"
#include "client/ctl/image-raster.h"
#include "client/ctl/message.h"
#include "client/ctl/output-file.h"
#include "client/ctl/output.h"
#include "client/ctl/record.h"

struct destination {
	const char *path; /* NULL: only the descriptor; "-": standard output */
	const struct output_format *format;
	int quality;
};

static int fetch_print_usage(const char *message)
{
	message_print("%s", message);
	return EXIT_USAGE;
}

/* Chooses the file to write, and its kind. Returns 0 or the exit code. */
static int fetch_choose_destination(const struct options *options, struct destination *destination)
{
	const char *path = options->values[OPTION_OUTPUT];
	const char *as = options->values[OPTION_AS];
	*destination = (struct destination){.path = path, .quality = options->quality};
	if (!path)
		return as ? fetch_print_usage("--as needs -o FILE") : 0;
	bool standard = strcmp(path, "-") == 0;
	destination->format = as	 ? output_from_string(as)
			      : standard ? output_from_string("raw")
					 : output_by_path(path);
	if (!destination->format) {
		message_print("%s: the name does not end in .png, .jpg, .pam or .raw; change it, "
			      "or pass --as KIND",
			path);
		return EXIT_USAGE;
	}
	if (standard && isatty(STDOUT_FILENO))
		return fetch_print_usage("standard output is a terminal, which cannot show pixels; "
					 "redirect it, or pass the name of a file to -o");
	return 0;
}

static int fetch_write_pixels(
	FILE *stream, const shmimg_image *image, const struct destination *destination)
{
	const char *path = stream == stdout ? "standard output" : destination->path;
	struct output_notes output = {0};
	struct raster raster = image_raster(image);
	errno = 0;
	int result = destination->format->write(stream, &raster, destination->quality, &output);
	if (result < 0)
		message_print("%s: %s", path, *output.fault ? output.fault : strerror(-result));
	else
		for (unsigned i = 0; i < output.count; i++)
			message_print("%s: %s", path, output.lines[i]);
	return result;
}

/* Returns the exit code. */
static int fetch_write_file(const shmimg_image *image, const struct destination *destination)
{
	if (strcmp(destination->path, "-") == 0)
		return fetch_write_pixels(stdout, image, destination) < 0 ? EXIT_REFUSED
									  : EXIT_DONE;
	struct output_file file;
	int result = output_file_open(&file, destination->path);
	if (result == 0) {
		if (fetch_write_pixels(file.stream, image, destination) < 0) {
			output_file_abandon(&file);
			return EXIT_REFUSED;
		}
		result = output_file_commit(&file);
	}
	if (result < 0)
		message_print("%s: %s", destination->path, strerror(-result));
	return result < 0 ? EXIT_REFUSED : EXIT_DONE;
}

static int fetch_print_descriptor(const shmimg_record *record, void *context)
{
	const bool *json = context;
	record_print(record, record_fetch_keys, *json);
	return 0;
}

/* Prints the descriptor of the pinned rendition: its format, size and owner select it. */
static int fetch_describe(shmimg_client *client, const shmimg_image *image, bool json)
{
	struct shmimg_options options = SHMIMG_OPTIONS_INIT;
	options.format = shmimg_image_format(image);
	options.width = shmimg_width(image);
	options.height = shmimg_height(image);
	options.owner = shmimg_owner(image);
	return shmimg_stat(client, shmimg_name(image), &options, fetch_print_descriptor, &json);
}

/* Returns the exit code. */
static int fetch_deliver(shmimg_client *client, const shmimg_image *image,
	const struct options *options, const struct destination *destination)
{
	bool json = options->values[OPTION_JSON];
	int code = destination->path ? fetch_write_file(image, destination) : EXIT_DONE;
	bool to_output = destination->path && strcmp(destination->path, "-") == 0;
	if (code != EXIT_DONE || to_output || (destination->path && !json))
		return code;
	int result = fetch_describe(client, image, json);
	return result < 0 ? failure_print_last(options->operands[0], client, result) : EXIT_DONE;
}

int command_fetch(const struct options *options)
{
	struct destination destination;
	shmimg_client *client;
	shmimg_image *image = NULL;
	int code = fetch_choose_destination(options, &destination);
	if (code == 0)
		code = client_open(options, &client);
	if (code != 0)
		return code;
	const char *name = options->operands[0];
	int result = client_fetch(client, options, name, &image);
	code = result < 0 ? failure_print_last(name, client, result)
			  : fetch_deliver(client, image, options, &destination);
	shmimg_unref(image);
	shmimg_close(client);
	return code;
}
