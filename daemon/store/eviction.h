/*
 * Eviction: drops evictable images when published images take more than their limits, when
 * /dev/shm is full, and when the machine is short of memory: first of the owner who has the most
 * beyond a fair share, and of an owner the least recently used first. A few images go at once, the
 * rest later, so that no request waits while thousands go.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct rendition;
struct store;

struct eviction {
	struct store *store;
	uint64_t wanted;	     /* bytes still to be freed for want of room in /dev/shm */
	uint64_t pressed;	     /* bytes still to be freed under memory pressure */
	uint64_t count;		     /* evicted images, for any reason */
	uint64_t pressure_count;     /* of these, under memory pressure */
	bool owners_over_limit;	     /* some account may be over its limits */
	void (*more)(void *context); /* asks for eviction_go_on(), soon */
	void *context;
};

void eviction_init(
	struct eviction *eviction, struct store *store, void (*more)(void *context), void *context);

/*
 * Brings a store and an owner back to their limits after publish() made a rendition, without
 * evicting its image. publish() has checked that there is room.
 */
void eviction_trim(struct eviction *eviction, struct rendition *published);

/*
 * Evicts, soon, until so many more bytes are free in /dev/shm, or no evictable image is left.
 * Returns whether there are evictable images.
 */
bool eviction_want(struct eviction *eviction, uint64_t bytes);

/* Changes the bytes that all published images may take. What is over the limit is evicted, soon. */
void eviction_limit(struct eviction *eviction, uint64_t memory_max);

/* As eviction_want(), for memory pressure. */
void eviction_press(struct eviction *eviction, uint64_t bytes);

/* Evicts some of the images that have to go. Returns whether it must be called again. */
bool eviction_go_on(struct eviction *eviction);

/* Whether there are images that still have to go. */
bool eviction_is_pending(const struct eviction *eviction);
