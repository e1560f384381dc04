/*
 * What is idle: images that nobody has pinned and that may be evicted, most recently used
 * first, with their bytes - of all owners, and of each. Kept up to date by whatever changes an
 * image, so that nobody has to look for them. Evicts nothing.
 */
#pragma once

#include <stdint.h>
#include <sys/queue.h>

struct image;

TAILQ_HEAD(image_list, image);

struct idle {
	struct image_list images;
	uint64_t count;
	uint64_t bytes;
};

void idle_init(struct idle *idle);

/*
 * To be called when an image's name, pins, lifetime or bytes have changed, or whether its next
 * generation is being decoded. An image that becomes idle was used just now.
 */
void idle_note(struct image *image);

/* To be called when an image was used, which makes it the last to go. */
void idle_touch(struct image *image);
