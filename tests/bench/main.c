/*
 * shmimg-bench [-q] SOCKET DAEMON-PID FOLDER ROW...: measures rows, and prints each as an
 * object of JSON on a line; with -q each is done a few times only. Without arguments: the
 * rows' names. Started by tests/bench/run.
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "tests/bench/bench.h"

/* Goals are of the ratio: at most, or at least when they are rates. */
static const struct row {
	const char *name;
	row_run *run;
	const char *unit;
	double goal;
	bool at_least;
	const char *extra; /* what the second figure is */
} rows[] = {
	{"fetch-one", row_fetch_one, "us", 1.15, false, NULL},
	{"fetch-across", row_fetch_across, "us", 1.15, false, NULL},
	{"fetch-64", row_fetch_many, "1000/s", 0.90, true, NULL},
	{"fetch-spin", row_fetch_spin, "us", 0.80, false, NULL},
	{"kept", row_kept, "ns", 100, false, "system calls"},
	{"first-touch", row_first_touch, "us", 1.05, false, NULL},
	{"kept-touch", row_kept_touch, "us", 1.20, false, NULL},
	{"jpeg-fhd-idle", row_jpeg_fhd_idle, "ms", 1.15, false, NULL},
	{"jpeg-uhd-idle", row_jpeg_uhd_idle, "ms", 1.15, false, NULL},
	{"jpeg-fhd-sustained", row_jpeg_fhd_busy, "ms", 1.55, false, NULL},
	{"jpeg-uhd-sustained", row_jpeg_uhd_busy, "ms", 1.55, false, NULL},
	{"png-fhd", row_png_fhd, "ms", 0.60, false, NULL},
	{"png-uhd", row_png_uhd, "ms", 0.60, false, NULL},
	{"rendition-320x180", row_rendition, "ms", 0.55, false, NULL},
	{"two-decoders", row_two_decoders, "images/s", 1.2, true, NULL},
	{"attack-watch", row_attack_watch, "us", 2, false, "us at most"},
	{"attack-close", row_attack_close, "us", 2, false, "us at most"},
	{"attack-list", row_attack_list, "us", 2, false, "us at most"},
	{"attack-path", row_attack_path, "us", 2, false, "us at most"},
	{"connections-10000", row_connections, "us", 1.2, false, "bytes a connection"},
	{"peer-redis", row_peer_redis, "ms", 6, true, "times faster, kept"},
	{"peer-memcached", row_peer_memcached, "ms", 2, true, "times faster, kept"},
	{"peer-qt", row_peer_qt, "ms", 50, true, "times faster, kept"},
	{"peer-decode-jpeg", row_peer_decode_jpeg, "ms", 1, true, "times faster, kept"},
	{"peer-decode-png", row_peer_decode_png, "ms", 1, true, "times faster, kept"},
};

static void print_sample(const char *word, struct sample *sample)
{
	printf("\"%s\": %.4g, \"%s-p99\": %.4g, ", word, sample_quantile(sample, 0.5), word,
		sample_quantile(sample, 0.99));
}

static void measure(const struct row *row, const struct setting *setting)
{
	struct result result = {0};
	row->run(setting, &result);
	double ratio = result.ratio;
	printf("{\"row\": \"%s\", \"unit\": \"%s\", ", row->name, row->unit);
	print_sample("ours", &result.ours);
	print_sample("base", &result.base);
	if (ratio == 0)
		ratio = sample_quantile(&result.ours, 0.5) / sample_quantile(&result.base, 0.5);
	if (row->extra)
		printf("\"%s\": %ld, ", row->extra, result.extra);
	printf("\"ratio\": %.3f, \"goal\": \"%s %g\", \"reached\": %s}\n", ratio,
		row->at_least ? ">=" : "<=", row->goal,
		(row->at_least ? ratio >= row->goal : ratio <= row->goal) ? "true" : "false");
	fflush(stdout);
	sample_free(&result.ours);
	sample_free(&result.base);
}

static const struct row *find(const char *name)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (strcmp(rows[i].name, name) == 0)
			return &rows[i];
	}
	errx(2, "%s is no row", name);
}

static int list(void)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		puts(rows[i].name);
	return 0;
}

int main(int argc, char **argv)
{
	struct rlimit limit;
	bool quick = argc > 1 && strcmp(argv[1], "-q") == 0;
	char **arguments = argv + 1 + quick;
	if (argc == 1)
		return list();
	if (argc - quick < 4)
		errx(2, "usage: shmimg-bench [-q] SOCKET DAEMON-PID FOLDER ROW...");
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
	struct setting setting = {.socket = arguments[0],
		.daemon = (pid_t)atoi(arguments[1]),
		.folder = arguments[2],
		.quick = quick};
	for (char **name = arguments + 3; *name; name++)
		measure(find(*name), &setting);
	return 0;
}
