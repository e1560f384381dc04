/*
 * Threads that share a client of the real daemon: they load, fetch and release the pictures of the
 * command line at the same time, then a short timeout has loads cancelled. Prints how many calls
 * went wrong, and how many pins the daemon counts in the end.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/include/shmimg.h"

enum { THREADS = 5, ROUNDS = 60, LATE = 5 };

static shmimg_client *client;
static char **paths;
static int path_count;
static unsigned wrong;

static void complain(const char *call, int result)
{
	__atomic_add_fetch(&wrong, 1, __ATOMIC_RELAXED);
	fprintf(stderr, "%s: %d: %s\n", call, result, shmimg_message(client));
}

static int count_record(const shmimg_record *record, void *context)
{
	(void)record;
	*(unsigned *)context += 1;
	return 0;
}

static void work_once(int round)
{
	const char *path = paths[round % path_count];
	shmimg_image *image, *again;
	unsigned count = 0;
	int r = shmimg_load(client, path, path, NULL, &image);
	if (r < 0) {
		complain("load", r);
		return;
	}
	r = shmimg_fetch(client, path, NULL, &again);
	if (r < 0 || strcmp(shmimg_name(again), path) != 0 ||
		shmimg_generation(again) != shmimg_generation(image))
		complain("fetch", r);
	r = shmimg_list(client, NULL, count_record, &count);
	if (r < 0 || count == 0)
		complain("list", r);
	/* Another thread may have released it already. */
	r = shmimg_release(client, image);
	if (r < 0 && r != -ENOENT)
		complain("release", r);
	shmimg_unref(image);
	shmimg_unref(again);
}

static void *work(void *context)
{
	for (int round = 0; round < ROUNDS; round++)
		work_once(round + *(int *)context);
	return NULL;
}

/* The file was never decoded in these sizes, and takes longer than the time. */
static void be_late(const char *path)
{
	struct shmimg_options options = SHMIMG_OPTIONS_INIT;
	shmimg_set_timeout(client, 5);
	for (int i = 0; i < LATE; i++) {
		shmimg_image *image;
		options.width = 1000 + (unsigned)i;
		int r = shmimg_load(client, path, "late", &options, &image);
		if (r != -ETIMEDOUT)
			complain("late load", r);
		shmimg_unref(image);
	}
	shmimg_set_timeout(client, 60000);
}

static int print_pins(const shmimg_record *record, void *context)
{
	(void)context;
	printf("wrong=%u pins=%s loads=%s\n", wrong, shmimg_record_get(record, "user-pins"),
		shmimg_record_get(record, "user-loads"));
	return 0;
}

/* What is left of the pins that several threads had at the same time. */
static void release_all(void)
{
	for (int i = 0; i < path_count; i++) {
		shmimg_image *image;
		if (shmimg_fetch(client, paths[i], NULL, &image) == 0)
			shmimg_release(client, image);
		shmimg_unref(image);
	}
}

int main(int argc, char **argv)
{
	pthread_t threads[THREADS];
	int numbers[THREADS];
	unsigned count = 0;
	if (argc < 3)
		return 2;
	paths = argv + 2;
	path_count = argc - 2;
	int r = shmimg_connect(&client, argv[1], 60000);
	if (r < 0)
		return 1;
	for (int i = 0; i < THREADS; i++) {
		numbers[i] = i;
		pthread_create(&threads[i], NULL, work, &numbers[i]);
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	be_late(paths[path_count - 1]);
	release_all();
	/* The first request reads what is late, and then releases it. */
	shmimg_stats(client, count_record, &count);
	r = shmimg_stats(client, print_pins, NULL);
	shmimg_close(client);
	return r < 0;
}
