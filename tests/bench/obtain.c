/*
 * Obtaining a picture of 3840x2160 that is decoded already, to its last pixel, against the
 * other ways that programs have: a server that sends it, Qt's shared memory, decoding again.
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/cache.h"
#include "tests/bench/look.h"
#include "tests/bench/peer.h"
#include "tests/bench/picture.h"
#include "tests/bench/touch.h"

enum { ROUNDS = 25 };

/* One other way. All it needs is ready before the clock runs, warm memory too. */
struct way {
	void (*obtain)(struct way *way);
	struct picture picture;
	struct cache cache;
	struct peer peer;
	uint8_t *pixels;
	size_t size;
	double told; /* milliseconds, when the peer has the clock */
};

/* By turns: fetched and mapped, mapped before, and the other way. */
static void compare(const struct setting *setting, struct result *result, struct way *way)
{
	struct sample kept = {0};
	shmimg_client *mapping = look_connect(setting), *keeping = look_connect(setting);
	shmimg_set_kept(mapping, 0);
	shmimg_unref(look_load(keeping, setting));
	look_once(keeping);
	way->obtain(way);
	for (int i = 0; i < times(setting, ROUNDS); i++) {
		sample_add(&result->ours, look_once(mapping) / 1e3);
		sample_add(&kept, look_once(keeping));
		way->told = 0;
		uint64_t began = clock_now();
		way->obtain(way);
		double took = look_took(began) / 1e3;
		sample_add(&result->base, way->told > 0 ? way->told : took);
	}
	double base = sample_quantile(&result->base, 0.5);
	result->ratio = base / sample_quantile(&result->ours, 0.5);
	result->extra = (long)(base * 1e3 / sample_quantile(&kept, 0.5));
	sample_free(&kept);
	shmimg_close(mapping);
	look_end(keeping);
}

/* A file of the folder, and memory for its pixels that is warm. */
static void way_open(struct way *way, const struct setting *setting, const char *name)
{
	picture_read(&way->picture, setting, name);
	way->size = picture_bytes(&way->picture);
	way->pixels = malloc(way->size);
	if (!way->pixels)
		err(1, "pixels");
	picture_decode(&way->picture, way->pixels);
}

static void way_close(struct way *way)
{
	free(way->pixels);
	picture_free(&way->picture);
}

static void decode(struct way *way)
{
	picture_decode(&way->picture, way->pixels);
	touch(way->pixels, way->size);
}

static void compare_decoding(const struct setting *setting, struct result *result, const char *name)
{
	struct way way = {.obtain = decode};
	way_open(&way, setting, name);
	compare(setting, result, &way);
	way_close(&way);
}

void row_peer_decode_jpeg(const struct setting *setting, struct result *result)
{
	compare_decoding(setting, result, "uhd.jpg");
}

void row_peer_decode_png(const struct setting *setting, struct result *result)
{
	compare_decoding(setting, result, "uhd.png");
}

static void get(struct way *way)
{
	cache_get(&way->cache, way->pixels, way->size);
	touch(way->pixels, way->size);
}

/* Ends the program unless a server gives back what it was given. */
static void fill(struct way *way)
{
	uint8_t *before = malloc(way->size);
	if (!before)
		err(1, "pixels");
	memcpy(before, way->pixels, way->size);
	cache_put(&way->cache, way->pixels, way->size);
	memset(way->pixels, 0, way->size);
	get(way);
	if (memcmp(before, way->pixels, way->size) != 0)
		errx(1, "the server gave other pixels");
	free(before);
}

static void compare_cache(const struct setting *setting, struct result *result,
	enum cache_kind kind, const char *name)
{
	struct way way = {.obtain = get};
	char path[4096];
	snprintf(path, sizeof(path), "%s/%s", setting->folder, name);
	cache_open(&way.cache, kind, path);
	way_open(&way, setting, "uhd.jpg");
	fill(&way);
	compare(setting, result, &way);
	cache_close(&way.cache);
	way_close(&way);
}

void row_peer_redis(const struct setting *setting, struct result *result)
{
	compare_cache(setting, result, CACHE_REDIS, "redis");
}

void row_peer_memcached(const struct setting *setting, struct result *result)
{
	compare_cache(setting, result, CACHE_MEMCACHED, "memcached");
}

/* Has the program of tests/bench/qt.cc do it, which answers what it took in microseconds. */
static void ask_qt(struct way *way)
{
	peer_ask(&way->peer, "\n", 1, -1);
	way->told = strtod(way->peer.answer + strlen("OK "), NULL) / 1e3;
}

void row_peer_qt(const struct setting *setting, struct result *result)
{
	struct way way = {.obtain = ask_qt};
	char path[4096];
	snprintf(path, sizeof(path), "%s/qt", setting->folder);
	peer_open(&way.peer, path, false);
	compare(setting, result, &way);
	peer_close(&way.peer);
}
