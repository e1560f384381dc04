/*
 * A pool of threads that load files, each on a connection of its own, so that all decoders of the
 * daemon have work. The owner collects the results in order.
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "client/ctl/failure.h"
#include "client/ctl/options.h"
#include "client/ctl/progress.h"
#include "client/include/shmimg.h"

enum { LOAD_WORKERS_MAX = 8 };

/* One file. Members after state are valid when it is LOAD_DONE. */
struct load_job {
	const char *path; /* as typed */
	int fd;		  /* loaded instead of the path, or -1; the caller closes it */
	uint64_t bytes;	  /* of the file; 0: not known */
	enum { LOAD_WAITING, LOAD_RUNNING, LOAD_DONE } state;
	struct failure failure; /* its error is 0 when the file was loaded */
	char *name;		/* of the image */
	char *json;		/* a line, when JSON is wanted */
	uint32_t width;
	uint32_t height;
	uint32_t full_width; /* of the whole picture */
	uint32_t full_height;
	const char *format;
	uint64_t pixel_bytes;
	bool cached;
	double seconds;
};

struct load_pool {
	const struct options *options;
	struct load_job *jobs;
	unsigned count;
	/* The mutex protects the members below. */
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	unsigned next;	  /* all files before it are taken */
	unsigned working; /* threads */
	bool stopping;
	struct progress *progress;
	shmimg_client *client; /* for the first thread */
	unsigned started;
	pthread_t threads[LOAD_WORKERS_MAX];
};

/*
 * Starts loading, and takes the client over. Updates progress, of which load_pool_await() returns
 * copies. Returns 0 or a negative errno.
 */
int load_pool_start(struct load_pool *pool, shmimg_client *client);

/*
 * Waits for a file, at most this many seconds, and copies progress to *seen. Returns 1 when the
 * file is done, 0 when it is not done yet, and -ECONNRESET when the daemon is gone.
 */
int load_pool_await(struct load_pool *pool, unsigned index, double seconds, struct progress *seen);

/* Waits for the files that are being loaded, starts no others, and frees all but the jobs. */
void load_pool_end(struct load_pool *pool);
