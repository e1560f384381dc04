/*
 * The library at the other end of a pipe, for tests that restart the real daemon: one command
 * a line, and one line for each answer, which is the result and what there is to say.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/include/shmimg.h"

enum { IMAGES_MAX = 16 };

static shmimg_client *client;
static shmimg_image *images[IMAGES_MAX];
static char said[8192]; /* beside a result that is no error */

/* A command: up to two words after its own. Images are told by their numbers. */
typedef int command(const char *first, const char *second);

static int connect_to(const char *path, const char *timeout)
{
	/* "-" is the default socket. */
	return shmimg_connect(&client, strcmp(path, "-") == 0 ? NULL : path, atoi(timeout));
}

static int set_timeout(const char *timeout, const char *unused)
{
	(void)unused;
	shmimg_set_timeout(client, atoi(timeout));
	return 0;
}

/* Keeps an image, and tells its number and generation. */
static int keep(int result, shmimg_image *image)
{
	int number = 0;
	if (result < 0)
		return result;
	while (images[number])
		number++;
	images[number] = image;
	snprintf(said, sizeof(said), "%d %" PRIu64, number, shmimg_generation(image));
	return 0;
}

/* For all that is loaded and fetched from then on; 0: none. */
static uint32_t box_width, box_height;

static int set_box(const char *width, const char *height)
{
	box_width = (uint32_t)strtoul(width, NULL, 10);
	box_height = (uint32_t)strtoul(height, NULL, 10);
	return 0;
}

static int load(const char *path, const char *name)
{
	shmimg_image *image;
	struct shmimg_options options = SHMIMG_OPTIONS_INIT;
	options.width = box_width;
	options.height = box_height;
	int result = shmimg_load(client, path, name, &options, &image);
	return keep(result, image);
}

static int fetch(const char *name, const char *owner)
{
	shmimg_image *image;
	struct shmimg_options options = SHMIMG_OPTIONS_INIT;
	options.width = box_width;
	options.height = box_height;
	if (*owner)
		options.owner = atoi(owner);
	int result = shmimg_fetch(client, name, &options, &image);
	return keep(result, image);
}

static int tell_size(const char *number, const char *unused)
{
	const shmimg_image *image = images[atoi(number)];
	(void)unused;
	snprintf(said, sizeof(said), "%u %u %u %u", shmimg_width(image), shmimg_height(image),
		shmimg_full_width(image), shmimg_full_height(image));
	return 0;
}

/* The number of the image that is the same handle as another, or of that itself. */
static int same(const char *number, const char *unused)
{
	int first = 0;
	(void)unused;
	while (images[first] != images[atoi(number)])
		first++;
	snprintf(said, sizeof(said), "%d", first);
	return 0;
}

static int set_kept(const char *bytes, const char *unused)
{
	(void)unused;
	shmimg_set_kept(client, (size_t)atoll(bytes));
	return 0;
}

static int release(const char *number, const char *unused)
{
	(void)unused;
	return shmimg_release(client, images[atoi(number)]);
}

static int unref(const char *number, const char *unused)
{
	(void)unused;
	shmimg_unref(images[atoi(number)]);
	images[atoi(number)] = NULL;
	return 0;
}

static int drop(const char *name, const char *unused)
{
	(void)unused;
	return shmimg_drop(client, name, NULL);
}

/* Writes the pixels to a file, without what is between the rows. */
static int write_pixels(const char *number, const char *path)
{
	const shmimg_image *image = images[atoi(number)];
	const unsigned char *row = shmimg_pixels(image);
	size_t size = shmimg_format_bytes(shmimg_image_format(image)) * shmimg_width(image);
	FILE *file = fopen(path, "we");
	if (!file)
		return -errno;
	for (uint32_t y = 0; y < shmimg_height(image); y++, row += shmimg_stride(image))
		fwrite(row, 1, size, file);
	return fclose(file) == 0 ? 0 : -EIO;
}

static int lock(const char *number, const char *timeout)
{
	return shmimg_lock(images[atoi(number)], atoi(timeout));
}

static int unlock(const char *number, const char *unused)
{
	(void)unused;
	return shmimg_unlock(images[atoi(number)]);
}

/* Adds a record's name, or the number of images that it tells. */
static int add_record(const shmimg_record *record, void *context)
{
	const char *name = shmimg_record_get(record, "name");
	const char *count = shmimg_record_get(record, "images");
	size_t used = strlen(said);
	(void)context;
	snprintf(said + used, sizeof(said) - used, "%s%s", used ? " " : "", name ? name : count);
	return 0;
}

static int list(const char *first, const char *second)
{
	(void)first;
	(void)second;
	return shmimg_list(client, NULL, add_record, NULL);
}

static int stats(const char *first, const char *second)
{
	(void)first;
	(void)second;
	return shmimg_stats(client, add_record, NULL);
}

static int watch(const char *first, const char *second)
{
	(void)first;
	(void)second;
	return shmimg_watch(client, NULL);
}

static int add_event(const shmimg_record *record, void *context)
{
	(void)context;
	const char *name = shmimg_record_get(record, "name");
	snprintf(said, sizeof(said), "%s %s", shmimg_record_get(record, "type"), name ? name : "-");
	return 0;
}

static int next_event(const char *timeout, const char *unused)
{
	(void)unused;
	return shmimg_next_event(client, atoi(timeout), add_event, NULL);
}

static const struct {
	const char *word;
	command *run;
} commands[] = {
	{"connect", connect_to},
	{"timeout", set_timeout},
	{"box", set_box},
	{"load", load},
	{"fetch", fetch},
	{"size", tell_size},
	{"same", same},
	{"kept", set_kept},
	{"release", release},
	{"unref", unref},
	{"drop", drop},
	{"pixels", write_pixels},
	{"lock", lock},
	{"unlock", unlock},
	{"list", list},
	{"stats", stats},
	{"watch", watch},
	{"event", next_event},
};

static int run(char *line)
{
	char *rest = NULL;
	const char *words[3] = {"", "", ""};
	size_t count = 0;
	for (char *word = strtok_r(line, " \n", &rest); word && count < 3;
		word = strtok_r(NULL, " \n", &rest))
		words[count++] = word;
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(words[0], commands[i].word) == 0)
			return commands[i].run(words[1], words[2]);
	}
	return -ENOSYS;
}

int main(void)
{
	char line[8192];
	while (fgets(line, sizeof(line), stdin)) {
		said[0] = '\0';
		int result = run(line);
		printf("%d %s\n", result, result < 0 && client ? shmimg_message(client) : said);
		fflush(stdout);
	}
	for (int i = 0; i < IMAGES_MAX; i++)
		shmimg_unref(images[i]);
	shmimg_close(client);
	return 0;
}
