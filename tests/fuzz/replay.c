/*
 * Runs a fuzz target over files: its corpus, or those that are named. Each input is in memory of
 * just its size, so that a sanitizer finds a read beyond it. Prints each name before the file is
 * tried, and results in TAP.
 */
#include <dirent.h>
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "tests/fuzz/target.h"

static unsigned count;

static void replay_file(const char *path, size_t size)
{
	FILE *file = fopen(path, "rb");
	uint8_t *data = malloc(size);
	if (!file || !data || fread(data, 1, size, file) != size)
		err(EXIT_FAILURE, "%s", path);
	fclose(file);
	fprintf(stderr, "%s\n", path);
	LLVMFuzzerTestOneInput(data, size);
	free(data);
	count++;
}

static int is_visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static void replay_folder(const char *path);

static void replay(const char *path)
{
	struct stat status;
	if (stat(path, &status) < 0)
		err(EXIT_FAILURE, "%s", path);
	if (S_ISDIR(status.st_mode))
		replay_folder(path);
	else
		replay_file(path, (size_t)status.st_size);
}

static void replay_folder(const char *path)
{
	struct dirent **entries;
	int entry_count = scandir(path, &entries, is_visible, alphasort);
	if (entry_count < 0)
		err(EXIT_FAILURE, "%s", path);
	for (int i = 0; i < entry_count; i++) {
		char *inner;
		if (asprintf(&inner, "%s/%s", path, entries[i]->d_name) < 0)
			err(EXIT_FAILURE, "%s", path);
		replay(inner);
		free(inner);
		free(entries[i]);
	}
	free(entries);
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		replay(argv[i]);
	if (argc == 1)
		replay(CORPUS "/" TARGET);
	if (count == 0)
		errx(EXIT_FAILURE, "there is no input");
	printf("ok 1 - %u inputs\n1..1\n", count);
	return EXIT_SUCCESS;
}
