/*
 * The next generation of an image whose file has changed: one load for each rendition that the
 * image has, through the same queue as every LOAD, published as one batch.
 */
#pragma once

#include <stdbool.h>
#include <sys/queue.h>

#include "client/protocol/fault.h"
#include "client/protocol/header.h"

struct loader;
struct close_queue;
struct image;
struct rendition;
struct refresh;

struct refreshes {
	struct loader *loader;
	TAILQ_HEAD(, refresh) all; /* under way */

	/* A load has ended, with a rendition, or with a fault and a message. */
	void (*done)(void *context, const struct rendition *rendition, enum fault fault,
		const char *message);
	void *context;
};

/*
 * Loads a file in all formats and boxes of the image. source is the file's identity. input stays
 * the caller's; close_queue closes its duplicates. Returns 0, or a negative errno; then no load
 * is under way.
 */
int refreshes_begin(struct refreshes *refreshes, const struct image *image, int input,
	struct close_queue *close_queue, const struct header_source *source);

/* Cancels all loads; done() is not called. */
void refreshes_cancel(struct refreshes *refreshes);
