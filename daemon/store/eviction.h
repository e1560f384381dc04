/*
 * Eviction: idle images go, least recently used first, when published images take more than
 * they may, when /dev/shm is full, and when the machine is short of memory. A few go at once;
 * for the rest the daemon comes back, so that nobody waits while thousands go. Which images
 * are idle, idle.h knows.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct rendition;
struct store;

struct eviction {
	uint64_t wanted;	     /* bytes that are still to go for want of room in /dev/shm */
	uint64_t pressed;	     /* the same, under memory pressure */
	uint64_t count;		     /* images that went, for any reason */
	uint64_t pressure_count;     /* of these, under memory pressure */
	bool owners_over_limit;	     /* some account is behind its limits */
	void (*more)(void *context); /* asks for eviction_go_on(), soon */
	void *context;
};

/*
 * Brings a store and an owner back to their limits after a rendition was published, without
 * evicting its image. There is room: store_check_room() has seen to that.
 */
void eviction_trim(struct store *store, struct rendition *published);

/* Has idle images go until so many bytes did, or none is left. Returns whether there are any. */
bool eviction_want(struct store *store, uint64_t bytes);

/* Changes the bytes that all published images may take. What is over them goes, soon. */
void eviction_limit(struct store *store, uint64_t memory_max);

/* As eviction_want(), for memory pressure. */
void eviction_press(struct store *store, uint64_t bytes);

/* Evicts some more of what has to go. Returns whether it has to be called again. */
bool eviction_go_on(struct store *store);

/* Whether something has to go yet. */
bool eviction_is_pending(const struct store *store);
