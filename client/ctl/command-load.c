/*
 * shmimgctl load: loads files and prints a line for one file, a progress bar and a summary for
 * several, or JSON. If a file fails, the others are loaded all the same.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/ctl/client.h"
#include "client/ctl/commands.h"
#include "client/ctl/exit.h"
#include "client/ctl/failure.h"
#include "client/ctl/load-pool.h"
#include "client/ctl/memory.h"
#include "client/ctl/message.h"
#include "client/ctl/text.h"

#define REDRAW_SECONDS	 0.1
#define INPUT_BYTES_MAX	 ((off_t)1 << 30) /* of standard input */
#define INPUT_SIZE_WORDS "1 GiB"

struct summary {
	unsigned loaded;
	unsigned cached;
	unsigned failed;
	uint64_t pixel_bytes;
};

/* Returns 0 or the exit code. */
static int load_check(const struct options *options)
{
	const char *name = options->values[OPTION_NAME];
	if (name && options->count > 1) {
		message_print(
			"--name works with one file only; load each file by itself to name it");
		return EXIT_USAGE;
	}
	if (options->values[OPTION_WATCH] && options->values[OPTION_NO_WATCH]) {
		message_print("--watch and --no-watch are opposites; pass one of them");
		return EXIT_USAGE;
	}
	for (int i = 0; i < options->count; i++) {
		bool input = strcmp(options->operands[i], "-") == 0;
		if (input && options->values[OPTION_WATCH]) {
			message_print("--watch needs a file; standard input does not change");
			return EXIT_USAGE;
		}
		if (input && !name) {
			message_print("standard input has no name for the image; pass --name NAME");
			return EXIT_USAGE;
		}
	}
	return 0;
}

/* Returns 0 or a negative errno. */
static int load_copy_all(int from, int to)
{
	char bytes[65536];
	off_t sum = 0;
	ssize_t count;
	while ((count = read(from, bytes, sizeof(bytes))) > 0) {
		sum += count;
		if (sum > INPUT_BYTES_MAX)
			return -EFBIG;
		for (ssize_t done = 0; done < count;) {
			ssize_t written = write(to, bytes + done, (size_t)(count - done));
			if (written < 0)
				return -errno;
			done += written;
		}
	}
	return count < 0 ? -errno : 0;
}

/*
 * Standard input as a regular file: itself if it is a regular file at its beginning, else a copy in
 * memory. Returns a descriptor, or -1 after a message.
 */
static int load_open_input(void)
{
	struct stat info;
	if (fstat(STDIN_FILENO, &info) == 0 && S_ISREG(info.st_mode) &&
		lseek(STDIN_FILENO, 0, SEEK_CUR) == 0)
		return dup(STDIN_FILENO);
	int fd = memfd_create("shmimgctl", MFD_CLOEXEC);
	int result = fd < 0 ? -errno : load_copy_all(STDIN_FILENO, fd);
	if (result == 0)
		return fd;
	message_print("standard input: %s", result == -EFBIG ? "it has more than " INPUT_SIZE_WORDS
							       "; load a file instead"
							     : strerror(-result));
	if (fd >= 0)
		close(fd);
	return -1;
}

static struct load_job *load_list_jobs(const struct options *options, struct progress *progress)
{
	struct load_job *jobs = memory_array((size_t)options->count, sizeof(*jobs));
	for (int i = 0; i < options->count; i++) {
		struct stat info;
		jobs[i].path = options->operands[i];
		jobs[i].fd = -1;
		if (stat(jobs[i].path, &info) == 0 && S_ISREG(info.st_mode))
			jobs[i].bytes = (uint64_t)info.st_size;
		progress->total_bytes += jobs[i].bytes;
	}
	progress->total = (unsigned)options->count;
	return jobs;
}

static void load_print_loaded(const struct load_job *job)
{
	char name[8192];
	snprintf(name, sizeof(name), "%s", job->name);
	text_make_safe(name);
	printf("%s: %ux%u", name, job->width, job->height);
	if (job->full_width != job->width || job->full_height != job->height)
		printf(" of %ux%u", job->full_width, job->full_height);
	printf(" %s, %s, %s%s\n", job->format, text_bytes(job->pixel_bytes).data,
		text_duration(job->seconds).data, job->cached ? ", already loaded" : "");
}

/* Counts a result, and prints it if each file has its own line. Returns the exit code. */
static int load_count(const struct load_job *job, const struct options *options,
	struct progress *progress, struct summary *summary)
{
	bool json = options->values[OPTION_JSON];
	bool quiet = options->values[OPTION_QUIET];
	if (job->failure.error < 0) {
		summary->failed++;
		progress_clear(progress);
		return failure_print(job->path, &job->failure);
	}
	summary->loaded++;
	summary->cached += job->cached;
	summary->pixel_bytes += job->pixel_bytes;
	if (json && !quiet) {
		progress_clear(progress);
		fputs(job->json, stdout);
	} else if (options->count == 1 && !quiet) {
		load_print_loaded(job);
	}
	return EXIT_DONE;
}

static void load_print_summary(const struct summary *summary, double seconds)
{
	printf("loaded %u image%s", summary->loaded, summary->loaded == 1 ? "" : "s");
	if (summary->cached)
		printf(" (%u from cache)", summary->cached);
	printf(", %s of pixels in %s", text_bytes(summary->pixel_bytes).data,
		text_duration(seconds).data);
	if (summary->failed)
		printf("; %u failed", summary->failed);
	putchar('\n');
}

/* Waits for a file, and draws the progress bar meanwhile. Returns 1 or a negative errno. */
static int load_await(struct load_pool *pool, unsigned index, struct progress *drawn)
{
	for (;;) {
		struct progress seen;
		int result = load_pool_await(pool, index, REDRAW_SECONDS, &seen);
		drawn->done = seen.done;
		drawn->done_bytes = seen.done_bytes;
		drawn->pixel_bytes = seen.pixel_bytes;
		drawn->current = seen.current;
		progress_draw(drawn);
		if (result != 0)
			return result;
	}
}

/* Collects the results in the order of the files. Returns the exit code. */
static int load_collect(struct load_pool *pool, struct progress *drawn)
{
	const struct options *options = pool->options;
	struct summary summary = {0};
	int code = EXIT_DONE;
	for (unsigned i = 0; i < pool->count; i++) {
		if (load_await(pool, i, drawn) < 0) {
			progress_clear(drawn);
			message_print("%u of %u files were not loaded, because the daemon is gone; "
				      "load them again",
				pool->count - i, pool->count);
			summary.failed += pool->count - i;
			code = EXIT_NO_DAEMON;
			break;
		}
		int one = load_count(&pool->jobs[i], options, drawn, &summary);
		code = one > code ? one : code;
	}
	progress_clear(drawn);
	if (pool->count > 1 && !options->values[OPTION_JSON] && !options->values[OPTION_QUIET])
		load_print_summary(&summary, progress_clock() - drawn->begun);
	return code;
}

static bool load_wants_progress(const struct options *options)
{
	return options->count > 1 && isatty(STDERR_FILENO) && !options->values[OPTION_QUIET] &&
	       !options->values[OPTION_NO_PROGRESS];
}

/* The pool takes the client over. Returns the exit code. */
static int load_all(const struct options *options, shmimg_client *client, int input)
{
	struct progress counts = {0};
	struct load_pool pool = {.options = options,
		.jobs = load_list_jobs(options, &counts),
		.count = (unsigned)options->count,
		.progress = &counts};
	struct progress drawn = counts;
	drawn.shown = load_wants_progress(options);
	drawn.begun = progress_clock();
	pool.jobs[0].fd = input;
	int result = load_pool_start(&pool, client);
	int code = EXIT_REFUSED;
	if (result < 0)
		message_print("cannot start a thread: %s", strerror(-result));
	else
		code = load_collect(&pool, &drawn);
	load_pool_end(&pool);
	for (unsigned i = 0; i < pool.count; i++) {
		free(pool.jobs[i].name);
		free(pool.jobs[i].json);
	}
	free(pool.jobs);
	return code;
}

int command_load(const struct options *options)
{
	shmimg_client *client;
	int input = -1;
	int code = load_check(options);
	if (code != 0)
		return code;
	if (strcmp(options->operands[0], "-") == 0 && (input = load_open_input()) < 0)
		return EXIT_REFUSED;
	code = client_open(options, &client);
	if (code == 0)
		code = load_all(options, client, input);
	if (input >= 0)
		close(input);
	return code;
}
