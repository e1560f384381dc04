/*
 * Files are loaded by several threads at once. When the daemon answers "busy", because it has as
 * many requests of this user as it accepts, the thread gives its file back and ends: fewer threads
 * go on. A thread whose connection is lost connects once more, to a daemon that was restarted.
 */
#include "client/ctl/load-pool.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "client/ctl/client.h"
#include "client/ctl/json.h"
#include "client/ctl/memory.h"
#include "client/ctl/record.h"

/* The JSON object of a job, while it is composed. */
struct composition {
	struct json json;
	const struct load_job *job;
};

static int load_pool_compose_json(const shmimg_record *record, void *context)
{
	struct composition *composition = context;
	record_add_json(record, record_fetch_keys, &composition->json);
	json_add(&composition->json, "cached", composition->job->cached ? "yes" : "no");
	return 0;
}

/* The descriptor of an image that was just loaded, as a line of JSON. */
static int load_pool_describe(
	shmimg_client *client, const shmimg_image *image, struct load_job *job)
{
	struct shmimg_options options = SHMIMG_OPTIONS_INIT;
	struct composition composition = {.job = job};
	size_t size;
	FILE *stream = open_memstream(&job->json, &size);
	if (!stream)
		return -errno;
	options.format = shmimg_image_format(image);
	options.width = shmimg_width(image);
	options.height = shmimg_height(image);
	options.owner = shmimg_owner(image);
	json_begin(&composition.json, stream);
	int result = shmimg_stat(
		client, shmimg_name(image), &options, load_pool_compose_json, &composition);
	json_end(&composition.json);
	if (fclose(stream) != 0 && result == 0)
		result = -ENOMEM;
	return result;
}

static void load_pool_copy_facts(struct load_job *job, const shmimg_image *image)
{
	job->name = memory_copy(shmimg_name(image));
	job->width = shmimg_width(image);
	job->height = shmimg_height(image);
	job->full_width = shmimg_full_width(image);
	job->full_height = shmimg_full_height(image);
	job->format = shmimg_format_name(shmimg_image_format(image));
	job->pixel_bytes = (uint64_t)shmimg_stride(image) * job->height;
	job->cached = shmimg_cached(image);
}

/*
 * Loads a file and releases its pin; the daemon keeps the image as --keep says. If all stayed
 * pinned, the files together could not exceed the memory.
 */
static int load_pool_load(
	shmimg_client *client, const struct options *options, struct load_job *job)
{
	const char *name = options->values[OPTION_NAME];
	shmimg_image *image;
	double begun = progress_clock();
	int result = job->fd >= 0 ? shmimg_load_fd(client, job->fd, name, &options->image, &image)
				  : shmimg_load(client, job->path, name, &options->image, &image);
	if (result < 0)
		return result;
	job->seconds = progress_clock() - begun;
	load_pool_copy_facts(job, image);
	if (options->values[OPTION_JSON])
		result = load_pool_describe(client, image, job);
	if (result == 0)
		result = shmimg_release(client, image);
	shmimg_unref(image);
	return result;
}

/* Takes the next waiting file; NULL: none waits. With the mutex held. */
static struct load_job *load_pool_take(struct load_pool *pool)
{
	while (pool->next < pool->count && pool->jobs[pool->next].state != LOAD_WAITING)
		pool->next++;
	if (pool->stopping || pool->next == pool->count)
		return NULL;
	struct load_job *job = &pool->jobs[pool->next++];
	job->state = LOAD_RUNNING;
	pool->progress->current = job->path;
	return job;
}

/*
 * Enters a result, with the mutex held. Returns whether this thread goes on; if the daemon is busy
 * with the files of other threads, the file waits again and this thread ends.
 */
static bool load_pool_enter_result(struct load_pool *pool, struct load_job *job)
{
	if (strcmp(job->failure.code, "busy") == 0 && pool->working > 1) {
		unsigned index = (unsigned)(job - pool->jobs);
		job->state = LOAD_WAITING;
		pool->next = index < pool->next ? index : pool->next;
		return false;
	}
	job->state = LOAD_DONE;
	pool->progress->done++;
	pool->progress->done_bytes += job->bytes;
	if (job->failure.error == 0)
		pool->progress->pixel_bytes += job->pixel_bytes;
	pthread_cond_broadcast(&pool->changed);
	return true;
}

/* Whether the connection cannot be used after this failure. */
static bool load_pool_is_lost(const struct failure *failure)
{
	if (*failure->code)
		return false;
	return failure_is_loss(failure->error) || failure->error == -ETIMEDOUT ||
	       failure->error == -EPROTO;
}

/* Loads one file after the other until none waits or the daemon is gone. */
static void load_pool_work(struct load_pool *pool, shmimg_client **client)
{
	for (;;) {
		pthread_mutex_lock(&pool->mutex);
		struct load_job *job = load_pool_take(pool);
		pthread_mutex_unlock(&pool->mutex);
		if (!job)
			return;
		int result = load_pool_load(*client, pool->options, job);
		struct failure failure = {0};
		if (result < 0)
			failure = failure_take(*client, result);
		pthread_mutex_lock(&pool->mutex);
		job->failure = failure;
		bool go_on = load_pool_enter_result(pool, job);
		pthread_mutex_unlock(&pool->mutex);
		if (!go_on)
			return;
		if (!load_pool_is_lost(&failure))
			continue;
		shmimg_close(*client);
		if (client_open_again(pool->options, client) < 0)
			return;
	}
}

static void *load_pool_run(void *context)
{
	struct load_pool *pool = context;
	pthread_mutex_lock(&pool->mutex);
	shmimg_client *client = pool->client;
	pool->client = NULL;
	pthread_mutex_unlock(&pool->mutex);
	if (client || client_open_again(pool->options, &client) == 0)
		load_pool_work(pool, &client);
	shmimg_close(client);
	pthread_mutex_lock(&pool->mutex);
	pool->working--;
	pthread_cond_broadcast(&pool->changed);
	pthread_mutex_unlock(&pool->mutex);
	return NULL;
}

static unsigned load_pool_worker_count(unsigned files)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	unsigned workers = cpus < 1		     ? 1
			   : cpus > LOAD_WORKERS_MAX ? LOAD_WORKERS_MAX
						     : (unsigned)cpus;
	return workers < files ? workers : files;
}

int load_pool_start(struct load_pool *pool, shmimg_client *client)
{
	pthread_condattr_t attributes;
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&pool->changed, &attributes);
	pthread_condattr_destroy(&attributes);
	pthread_mutex_init(&pool->mutex, NULL);
	pool->client = client;
	unsigned wanted = load_pool_worker_count(pool->count);
	int result = 0;
	pthread_mutex_lock(&pool->mutex);
	while (pool->started < wanted && result == 0) {
		result = pthread_create(&pool->threads[pool->started], NULL, load_pool_run, pool);
		pool->started += result == 0;
	}
	pool->working = pool->started;
	pthread_mutex_unlock(&pool->mutex);
	return pool->started ? 0 : -result;
}

static struct timespec load_pool_deadline(double seconds)
{
	struct timespec when;
	clock_gettime(CLOCK_MONOTONIC, &when);
	long nanoseconds = when.tv_nsec + (long)(seconds * 1e9);
	when.tv_sec += nanoseconds / 1000000000;
	when.tv_nsec = nanoseconds % 1000000000;
	return when;
}

int load_pool_await(struct load_pool *pool, unsigned index, double seconds, struct progress *seen)
{
	const struct load_job *job = &pool->jobs[index];
	struct timespec until = load_pool_deadline(seconds);
	int result = 0;
	pthread_mutex_lock(&pool->mutex);
	while (job->state != LOAD_DONE && pool->working && result == 0)
		result = pthread_cond_timedwait(&pool->changed, &pool->mutex, &until);
	*seen = *pool->progress;
	result = job->state == LOAD_DONE ? 1 : pool->working ? 0 : -ECONNRESET;
	pthread_mutex_unlock(&pool->mutex);
	return result;
}

void load_pool_end(struct load_pool *pool)
{
	pthread_mutex_lock(&pool->mutex);
	pool->stopping = true;
	pthread_mutex_unlock(&pool->mutex);
	for (unsigned i = 0; i < pool->started; i++)
		pthread_join(pool->threads[i], NULL);
	shmimg_close(pool->client);
	pool->client = NULL;
	pthread_cond_destroy(&pool->changed);
	pthread_mutex_destroy(&pool->mutex);
}
