/*
 * LOAD, from the request to the answer, against decoding into a buffer that is warm already:
 * what a program pays that decodes for itself and for nobody else.
 */
#include <err.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/bench/bench.h"
#include "tests/bench/peer.h"
#include "tests/bench/picture.h"

#define NAME "load"

enum { IDLE_US = 120000, ROUNDS = 25, BURST = 8, TWO = 2, EACH = 40 };

static double milliseconds(uint64_t began)
{
	return (double)(clock_now() - began) / 1e6;
}

/* Milliseconds of a LOAD; the image is dropped after that. */
static double load(struct peer *peer, int file, struct box box)
{
	uint64_t began = clock_now();
	peer_load_box(peer, NAME, file, box);
	double took = milliseconds(began);
	peer_ask_name(peer, "DROP", NAME);
	return took;
}

static double decode(const struct picture *picture, uint8_t *pixels)
{
	uint64_t began = clock_now();
	picture_decode(picture, pixels);
	return milliseconds(began);
}

/* By turns: a burst of loads, a burst of decodes, each after a time without work. */
static void compare(const struct setting *setting, struct result *result, const char *name,
	int burst, struct box box)
{
	struct peer peer;
	struct picture picture;
	picture_read(&picture, setting, name);
	uint8_t *pixels = malloc(picture_bytes(&picture));
	int file = picture_open(setting, name);
	if (!pixels)
		err(1, "pixels");
	peer_open(&peer, setting->socket, true);
	load(&peer, file, box);
	decode(&picture, pixels);
	for (int round = 0; round < times(setting, ROUNDS / (burst > 1 ? 4 : 1)); round++) {
		usleep(IDLE_US);
		for (int i = 0; i < burst; i++)
			sample_add(&result->ours, load(&peer, file, box));
		usleep(IDLE_US);
		for (int i = 0; i < burst; i++)
			sample_add(&result->base, decode(&picture, pixels));
	}
	peer_close(&peer);
	close(file);
	free(pixels);
	picture_free(&picture);
}

#define ROW(row, name, burst)                                          \
	void row(const struct setting *setting, struct result *result) \
	{                                                              \
		compare(setting, result, name, burst, BOX_ANY);        \
	}
ROW(row_jpeg_fhd_idle, "fhd.jpg", 1)
ROW(row_jpeg_uhd_idle, "uhd.jpg", 1)
ROW(row_jpeg_fhd_busy, "fhd.jpg", BURST)
ROW(row_jpeg_uhd_busy, "uhd.jpg", BURST)
ROW(row_png_fhd, "fhd.png", 1)
ROW(row_png_uhd, "uhd.png", 1)

void row_rendition(const struct setting *setting, struct result *result)
{
	compare(setting, result, "large.jpg", 1, (struct box){320, 180});
}

/* Two of these work at once: by the daemon, or by itself into fresh segments. */
struct half {
	const struct setting *setting;
	const struct picture *picture;
	int number;
};

static void *load_half(void *context)
{
	const struct half *half = context;
	struct peer peer;
	char name[32];
	int file = picture_open(half->setting, "fhd.jpg");
	peer_open(&peer, half->setting->socket, true);
	for (int i = 0; i < times(half->setting, EACH); i++) {
		snprintf(name, sizeof(name), "half-%d", half->number);
		peer_load(&peer, name, file);
		peer_ask_name(&peer, "DROP", name);
	}
	peer_close(&peer);
	close(file);
	return NULL;
}

static void *decode_half(void *context)
{
	const struct half *half = context;
	size_t size = picture_bytes(half->picture);
	char name[64];
	snprintf(name, sizeof(name), "/shmimg-bench-%d-%d", (int)getpid(), half->number);
	for (int i = 0; i < times(half->setting, EACH); i++) {
		int fd = shm_open(name, O_RDWR | O_CREAT | O_EXCL, 0600);
		if (fd < 0 || ftruncate(fd, (off_t)size) < 0)
			err(1, "%s", name);
		void *map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		if (map == MAP_FAILED)
			err(1, "%s", name);
		picture_decode(half->picture, map);
		munmap(map, size);
		close(fd);
		shm_unlink(name);
	}
	return NULL;
}

/* Images a second. */
static double rate(void *(*work)(void *), struct half halves[TWO])
{
	pthread_t threads[TWO];
	uint64_t began = clock_now();
	for (int i = 0; i < TWO; i++) {
		if (pthread_create(&threads[i], NULL, work, &halves[i]) != 0)
			errx(1, "threads");
	}
	for (int i = 0; i < TWO; i++)
		pthread_join(threads[i], NULL);
	return TWO * times(halves->setting, EACH) * 1000 / milliseconds(began);
}

void row_two_decoders(const struct setting *setting, struct result *result)
{
	struct picture picture;
	struct half halves[TWO];
	picture_read(&picture, setting, "fhd.jpg");
	for (int i = 0; i < TWO; i++)
		halves[i] = (struct half){setting, &picture, i};
	for (int i = 0; i < times(setting, 5); i++) {
		sample_add(&result->ours, rate(load_half, halves));
		sample_add(&result->base, rate(decode_half, halves));
	}
	picture_free(&picture);
}
