/*
 * Files being loaded by several connections at once, so that the daemon's decoders all have
 * work. Prints nothing: whoever owns the pool takes the results in order.
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

/* One file. What follows state is valid when that is LOAD_DONE. */
struct load_job {
	const char *path; /* as typed */
	int fd;		  /* what to load in place of the path, or -1; the caller's */
	uint64_t bytes;	  /* of the file; 0 when that is not known */
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
	/* What follows is the mutex's. */
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	unsigned next;	  /* no file before it waits */
	unsigned working; /* threads */
	bool stopping;
	struct progress *progress;
	shmimg_client *client; /* for the first thread that asks */
	unsigned started;
	pthread_t threads[LOAD_WORKERS_MAX];
};

/*
 * Starts loading; the client becomes the pool's. Keeps the counts of progress, which the
 * caller reads between calls of load_pool_await() alone. Returns 0 or a negative errno.
 */
int load_pool_start(struct load_pool *pool, shmimg_client *client);

/*
 * Waits until a file is done or some seconds have passed. Returns 1 when it is done, 0 when
 * it may be later, and -ECONNRESET when it never will, as the daemon has gone. A copy of
 * the counts is put in *seen.
 */
int load_pool_await(struct load_pool *pool, unsigned index, double seconds, struct progress *seen);

/* Waits for what is under way, begins nothing new, and frees all but the jobs themselves. */
void load_pool_end(struct load_pool *pool);
