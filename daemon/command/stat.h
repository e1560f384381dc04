/*
 * The description of an image, for STAT and LIST.
 */
#pragma once

#include <stdbool.h>

#include "client/protocol/wire.h"
#include "daemon/store/image.h"

/* The keys that cost a system call or a search for each image. */
struct stat_parts {
	bool holders;
	bool lock; /* and waiters */
	bool unlinked;
};

/* Adds the keys of STAT; of those in stat_parts, only the ones that are set. */
void stat_describe(
	struct wire_writer *line, struct rendition *rendition, const struct stat_parts *parts);
