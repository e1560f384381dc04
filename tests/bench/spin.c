/*
 * A request of a client of the library that spins before it sleeps, against the same one of a
 * client that does not; client and daemon on two processors.
 */
#include <err.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

#include "client/include/shmimg.h"
#include "tests/bench/bench.h"
#include "tests/bench/picture.h"

#define NAME "spin"

enum { BLOCKS = 20, BLOCK = 250, SPIN = 50 };

static void place(pid_t pid, unsigned processor, unsigned count)
{
	cpu_set_t set;
	CPU_ZERO(&set);
	for (unsigned i = 0; i < count; i++)
		CPU_SET(processor + i, &set);
	sched_setaffinity(pid, sizeof(set), &set);
}

static void check(const shmimg_client *client, int r)
{
	if (r < 0)
		errx(1, "%s: %s", strerror(-r), shmimg_message(client));
}

static void load(shmimg_client *client, const struct setting *setting)
{
	shmimg_image *image;
	int file = picture_open(setting, "small.png");
	check(client, shmimg_load_fd(client, file, NAME, NULL, &image));
	shmimg_unref(image);
	close(file);
}

/* Microseconds of fetches that ask the daemon, all of which map the image anew. */
static void fetch(shmimg_client *client, unsigned spin, int count, struct sample *sample)
{
	shmimg_set_spin(client, spin);
	for (int i = 0; i < count; i++) {
		shmimg_image *image;
		uint64_t began = clock_now();
		check(client, shmimg_fetch(client, NAME, NULL, &image));
		sample_add(sample, (double)(clock_now() - began) / 1e3);
		shmimg_unref(image);
	}
}

void row_fetch_spin(const struct setting *setting, struct result *result)
{
	shmimg_client *client;
	int r = shmimg_connect(&client, setting->socket, -1);
	if (r < 0)
		errx(1, "%s: %s", setting->socket, strerror(-r));
	shmimg_set_kept(client, 0);
	load(client, setting);
	place(0, 0, 1);
	place(setting->daemon, 1, 1);
	int count = times(setting, BLOCK);
	for (int i = times(setting, BLOCKS); i > 0; i--) {
		fetch(client, SPIN, count, &result->ours);
		fetch(client, 0, count, &result->base);
	}
	place(0, 0, CPU_SETSIZE);
	place(setting->daemon, 0, CPU_SETSIZE);
	shmimg_drop(client, NAME, NULL);
	shmimg_close(client);
}
