/*
 * A server that keeps bytes under a key, Redis or memcached, as a bare client has it: it sends
 * a request and reads into memory that is warm, and parses nothing, as it knows the answer.
 * Ends the program when something fails.
 */
#pragma once

#include <stddef.h>

enum cache_kind {
	CACHE_REDIS,
	CACHE_MEMCACHED,
};

struct cache {
	int fd;
	enum cache_kind kind;
};

void cache_open(struct cache *cache, enum cache_kind kind, const char *path);
void cache_close(struct cache *cache);

/* Stores bytes under the one key that there is. */
void cache_put(struct cache *cache, const void *data, size_t size);

/* Reads them back, of which the size is known. */
void cache_get(struct cache *cache, void *data, size_t size);
